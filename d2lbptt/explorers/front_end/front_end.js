// One explorer on a page: a question, controls, a picture of two SVG layers, a sentence.
//
// It knows nothing of a kernel. It asks a source of answers, an object with
//   spec            what never changes: name, question, controls, actions, play (the slider along which time passes)
//   answer()        the newest answer, with `background` among its fields, or null; what `axes` and `touch` are is said
//                   in _geometry.py
//   ask(question)   {number, set: {key: value}, moving, narrow, do: "reset" | "press", button}; an answer follows
//   listen(heard)   calls heard() at each new answer, heard({done, of}) on the way and heard({lost: why}) if none will
//                   come; returns what ends it
//   fonts()         asks for the font of the pictures, for readers who have none
//   atOnce          whether it takes a question while it looks for the answer to another, of which nobody waits any more
//   again           what the reader does if the kernel was restarted, if not to run the cell again
// `fromModel` makes one of a widget; on a page without a kernel, `fromTable` of player.js makes one of a table.

const SVG = "http://www.w3.org/2000/svg";
const MARK = /§/g; // stands before each id in a picture, because all pictures of a page share their ids
const FONT = "DejaVu Sans";
const NARROW = 640; // CSS pixels of width below which panels stand below one another
const REST = 300; // ms without a change after which axes may move
const SPEAK = 700; // ms without a change after which the sentence is announced
const PATIENCE = 4000; // ms without an answer after which we say so
const WHOLE = 10000; // ms that playing takes from end to end
const BEATS = [80, 1500]; // ms from one picture to the next while playing, at least and at most
const NO_KERNEL = "The kernel does not answer. It may be busy; if it was restarted,";

// Each widget loads this script for itself, so what all pictures of a page share is kept on the page.
const onPage = (globalThis[Symbol.for("d2lbptt")] ??= { views: 0 });

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value === true ? "" : value);
  element.append(...children);
  return element;
};

const drawing = (tag, attributes = {}) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

const button = (words, press, attributes = {}) => {
  const element = make("button", { type: "button", ...attributes }, words);
  element.addEventListener("click", press);
  return element;
};

// ---- controls: each has its element, and set(state), which shows a state without telling anyone

const row = (key, id, label, ...rest) =>
  make("div", { class: "d2l-control", "data-key": key }, Object.assign(make("label", { for: id }), { innerHTML: label }), ...rest);

/** Return the place of the number that is nearest to this one. */
const nearest = (numbers, wanted) => {
  const off = numbers.map((number) => Math.abs(number - wanted));
  return off.indexOf(Math.min(...off));
};

function slider(id, { key, label, step, digits, unit }, change) {
  const input = make("input", { type: "range", id });
  let values; // those that it takes, if not every step from end to end
  // <output> is a live region by itself, and the slider says its value already.
  const output = make("output", { for: id, "aria-hidden": "true" });
  const value = () => (values ? values[Number(input.value)] : Number(input.value));
  const show = () => {
    const words = value().toFixed(digits).replace("-", "−");
    output.textContent = words;
    input.setAttribute("aria-valuetext", unit ? `${words} ${unit}` : words);
    const { min, max } = input;
    input.style.setProperty("--at", `${max > min ? (100 * (input.value - min)) / (max - min) : 0}%`);
  };
  input.addEventListener("input", () => {
    show();
    change(value(), true);
  });
  return {
    element: row(key, id, label, input, output),
    value,
    /** How many steps there are from end to end. */
    length: () => (input.max - input.min) / (values ? 1 : step),
    enabled: () => !input.disabled,
    /** Go so many steps on, or to the start from the end; whether anything has changed. */
    advance(steps) {
      const before = input.value;
      input.stepUp(steps);
      if (input.value === before) input.value = input.min;
      show();
      return input.value !== before;
    },
    /** Go to the value that is nearest to this one, and return it. */
    goTo(wanted) {
      input.value = values ? nearest(values, wanted) : wanted;
      show();
      return value();
    },
    atEnd: () => Number(input.value) + Number(input.step) > Number(input.max) + 1e-9,
    set(state) {
      ({ values } = state);
      [input.min, input.max, input.step] = values ? [0, values.length - 1, 1] : [state.min, state.max, step];
      input.value = values ? values.indexOf(state.value) : state.value;
      input.disabled = state.disabled;
      show();
    },
  };
}

function number(id, { key, label, step }, change) {
  const input = make("input", { type: "number", id, step });
  input.addEventListener("change", () => {
    if (input.reportValidity() && input.value !== "") change(Number(input.value), false);
  });
  return {
    element: row(key, id, label, input),
    set({ value, min, max, disabled }) {
      Object.assign(input, { min, max, value, disabled });
    },
  };
}

function menu(id, { key, label, options }, change) {
  const select = make("select", { id }, ...options.map((words, place) => make("option", { value: place }, words)));
  select.addEventListener("change", () => change(Number(select.value), false));
  return {
    element: row(key, id, label, select),
    set({ value, disabled, values }) {
      Object.assign(select, { value, disabled });
      for (const [place, option] of [...select.options].entries()) option.hidden = option.disabled = values?.includes(place) === false;
    },
  };
}

const KINDS = { slider, number, menu };

// ---- questions: one at a time, and in the next one the newest values

function courier(source, lost, changed) {
  const view = Math.random().toString(36).slice(2); // another view of the same explorer counts for itself
  let count = 0, flying = null, waiting = null, timer;
  const giveUp = (why) => {
    clearTimeout(timer);
    flying = waiting = null;
    changed();
    lost(why);
  };
  const wait = () => {
    clearTimeout(timer);
    if (!source.atOnce) timer = setTimeout(giveUp, PATIENCE, `${NO_KERNEL} ${source.again ?? "run the cell again"}.`);
  };
  const go = () => {
    flying = `${view}-${++count}`;
    const question = { number: flying, ...waiting };
    waiting = null;
    changed();
    wait();
    source.ask(question);
  };
  return {
    ask(question) {
      waiting = { ...waiting, ...question, set: { ...waiting?.set, ...question.set } };
      if (!flying || source.atOnce) go();
    },
    answered(number) {
      if (number !== flying) return;
      clearTimeout(timer);
      flying = null;
      lost();
      if (waiting) go();
      else changed();
    },
    onTheWay: () => flying && wait(),
    giveUp,
    wants: (key) => key in (waiting?.set ?? {}),
    idle: () => !flying,
    end: () => clearTimeout(timer),
  };
}

// ---- time: a slider that moves by itself

/**
 * A button that moves a slider from end to end, or a step at each press where the reader wants no motion.
 * `ask(value, moving)` shows a value, `idle()` says whether the last one is shown, `stopped()` is called at the end.
 */
function playing(slider, ask, idle, stopped) {
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = 0, last;
  const element = button("", () => (timer ? stop() : still.matches ? step(1, 0) : start()), { class: "d2l-play" });
  const say = () => (element.textContent = still.matches ? "Next" : timer ? "Pause" : "Play");

  function step(steps, beat) {
    if (slider.advance(steps)) ask(slider.value(), beat > 0 && beat < REST);
    last = slider.value();
  }

  function start() {
    const [least, most] = BEATS, steps = Math.max(1, Math.round((slider.length() * least) / WHOLE));
    const beat = Math.min(most, Math.max(least, (steps * WHOLE) / slider.length()));
    timer = setInterval(() => {
      if (!idle()) return;
      if (slider.value() !== last) return stop(); // an address or a program has moved it
      if (slider.enabled()) step(steps, beat);
      if (slider.atEnd() || !slider.enabled()) stop();
    }, beat);
    last = slider.value();
    if (slider.atEnd()) step(steps, beat);
    say();
  }

  function stop() {
    if (!timer) return;
    clearInterval(timer);
    timer = 0;
    say();
    stopped();
  }

  const wishes = () => (stop(), say());
  still.addEventListener("change", wishes);
  document.addEventListener("visibilitychange", stop);
  say();
  return {
    element,
    stop,
    runs: () => timer > 0,
    show: () => (element.disabled = !slider.enabled()),
    end() {
      clearInterval(timer);
      still.removeEventListener("change", wishes);
      document.removeEventListener("visibilitychange", stop);
    },
  };
}

// ---- places on a picture

/** Return where on a picture the pointer is, in units of its viewBox. */
function placeOf(picture, { clientX, clientY }) {
  const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(picture.getScreenCTM().inverse());
  return [x, y];
}

const isIn = ([left, top, width, height], [x, y], margin = 0) =>
  x >= left - margin && x <= left + width + margin && y >= top - margin && y <= top + height + margin;

const set = (element, attributes) => {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
};

// ---- dragging: places of a picture stand for values of controls

const GRIP = 9, NEAR = 24; // radius of the ring, and of what can be taken hold of, in units of the viewBox
const HEAD = (x, y) => `M${18 * x} ${18 * y}l${-5 * x - 4 * y} ${-5 * y + 4 * x}l${8 * y} ${-8 * x}z`;

/**
 * Let a reader drag on a picture what sets the controls; `layer` is drawn over it, `ask(set, moving)` asks, and
 * `hint(keys)` says whose slider does the same. A finger that starts elsewhere than at a grip still scrolls the page,
 * across the way that is dragged.
 */
function dragging(picture, layer, controls, ask, hint) {
  const regions = drawing("g"), grips = drawing("g");
  layer.append(regions, grips);
  let touches = [], held = null;

  const keysOf = ({ sets, key }) => Object.keys(sets ?? { [key]: 0 }).filter((name) => controls[name]?.enabled?.());
  /** The ways that it is dragged: across, "x", down, "y", or both; from spot to spot there is no way to be shown. */
  const waysOf = ({ sets, keys }) =>
    [1, 2].filter((way) => sets && keys.some((key) => Math.abs(sets[key][way]) > 1e-9)).map((way) => "xy"[way - 1]).join("");

  function valuesAt({ sets, key, spots, keys }, [x, y]) {
    if (sets) return keys.map((name) => [name, sets[name][0] + sets[name][1] * x + sets[name][2] * y]);
    // A place that is passed more than once is passed as often as the last one, until the way turns back.
    const there = spots.filter((spot) => spot.length > 2 + (held.time ?? 0));
    const values = there[nearest(there.map(([left, top]) => Math.hypot(left - x, top - y)), 0)].slice(2);
    held.time = values[1] === values[0] + 1 ? 1 : held.time ?? nearest(values, controls[key].value());
    return [[key, values[held.time]]];
  }

  function follow(at, moving) {
    const wanted = Object.fromEntries(valuesAt(held.touch, at).map(([key, value]) => [key, controls[key].goTo(value)]));
    if (moving && JSON.stringify(wanted) === JSON.stringify(held.wanted)) return;
    held.wanted = wanted;
    ask(wanted, moving);
  }

  const touchOf = ({ target }) => touches[target.closest?.("[data-touch]")?.dataset.touch];

  function down(event) {
    const touch = event.button ? null : touchOf(event);
    if (!touch) return;
    held = { touch, pointer: event.pointerId, from: [event.clientX, event.clientY], ours: true };
    picture.setPointerCapture(event.pointerId);
    picture.classList.add("d2l-held");
    if (event.pointerType !== "touch") return event.preventDefault(), follow(placeOf(picture, event), true);
    held.ours = event.target.closest(".d2l-grip") ? true : null; // else its first move tells
  }

  /** Whether a move drags: that of a finger may scroll the page. (Chromium knows no touch-action inside an SVG.) */
  function drags({ clientX, clientY }) {
    const [x, y] = [Math.abs(clientX - held.from[0]), Math.abs(clientY - held.from[1])];
    return (held.ours ??= held.touch.way === "x" ? x > y : held.touch.way === "y" && y > x);
  }

  function move(event) {
    if (!held) hint(touchOf(event)?.keys ?? []);
    else if (event.pointerId === held.pointer && drags(event)) follow(placeOf(picture, event), true);
  }

  function up(event) {
    if (event.pointerId !== held?.pointer) return;
    if (event.type === "pointerup" && held.ours !== false) follow(placeOf(picture, event), false);
    else if (held.wanted) ask(held.wanted, false);
    held = null;
    picture.classList.remove("d2l-held");
  }

  const keepPage = (event) => held && drags(event.touches[0]) && event.cancelable && event.preventDefault();
  picture.addEventListener("touchmove", keepPage, { passive: false });
  picture.addEventListener("pointerdown", down);
  picture.addEventListener("pointermove", move);
  picture.addEventListener("pointerleave", () => held || hint([]));
  for (const end of ["pointerup", "pointercancel"]) picture.addEventListener(end, up);

  function addOne(place) {
    const grip = drawing("g", { class: "d2l-grip", "data-touch": place });
    const circles = [["near", NEAR], ["halo", GRIP], ["ring", GRIP]];
    grip.append(...circles.map(([name, r]) => drawing("circle", { class: `d2l-${name}`, r })), drawing("path"));
    regions.append(drawing("rect", { class: "d2l-region", "data-touch": place }));
    grips.append(grip);
  }

  function showOne({ box: [x, y, width, height], at, way, spots }, place) {
    set(regions.children[place], { x, y, width, height, "data-way": way });
    const grip = grips.children[place], heads = { x: HEAD(1, 0) + HEAD(-1, 0), y: HEAD(0, 1) + HEAD(0, -1) };
    grip.style.display = at ? "" : "none";
    set(grip, { transform: `translate(${at ?? "0 0"})${spots ? " scale(1.5)" : ""}`, "data-way": way });
    set(grip.lastChild, { d: [...way].map((one) => heads[one]).join("") });
  }

  return {
    holds: () => held !== null,
    show(answer) {
      touches = (answer.touch ?? []).map((touch) => ({ ...touch, keys: keysOf(touch) })).filter(({ keys }) => keys.length);
      for (const touch of touches) touch.way = waysOf(touch);
      while (regions.children.length > touches.length) for (const part of [regions, grips]) part.lastChild.remove();
      while (regions.children.length < touches.length) addOne(regions.children.length);
      touches.forEach(showOne);
    },
  };
}

// ---- reading: what a picture says at a place

const POINT = /([ML]?)\s*(-?[\d.]+)[ ,](-?[\d.]+)/g;
const signed = (words) => words.replace("-", "−");

const within = (number, low, high) => Math.min(Math.max(number, low), high);

/** Return the part of a straight line that is in a box, as [x, y, x, y], or null. */
function partIn([left, top, width, height], [x0, y0], [x1, y1]) {
  let [start, end] = [0, 1];
  for (const [from, way, low, length] of [[x0, x1 - x0, left, width], [y0, y1 - y0, top, height]]) {
    if (!way && (from < low || from > low + length)) return null;
    if (!way) continue;
    const [one, other] = [(low - from) / way, (low + length - from) / way];
    [start, end] = [Math.max(start, Math.min(one, other)), Math.min(end, Math.max(one, other))];
  }
  const at = (share) => [x0 + share * (x1 - x0), y0 + share * (y1 - y0)];
  return start <= end ? [...at(start), ...at(end)] : null;
}

/** Return the straight pieces of a curve that are in a box. */
function piecesOf(path, box) {
  const pieces = [];
  let last = null;
  for (const [, command, x, y] of path.getAttribute("d").matchAll(POINT)) {
    const point = [Number(x), Number(y)], piece = last && command !== "M" ? partIn(box, last, point) : null;
    if (piece) pieces.push(piece);
    last = point;
  }
  return pieces;
}

/** Return how high a curve is at x, as near to `y` as it comes there, or null; where it drops, from where it does. */
function heightAt(pieces, x, y) {
  const there = pieces.filter(([x0, , x1]) => (x0 - x) * (x1 - x) <= 0);
  const heights = there.map(([x0, y0, x1, y1]) => (x0 === x1 ? y0 : y0 + ((x - x0) / (x1 - x0)) * (y1 - y0)));
  return heights[nearest(heights, y)] ?? null;
}

/** One of the two axes of a panel: numbers from places, places from numbers, and numbers in words. */
function scaleOf({ ends: [start, end], label, meaning, whole }, from, length) {
  const each = (end - start) / length, unit = Math.abs(each); // what a unit of the viewBox is worth
  const places = (step) => Math.min(20, Math.max(0, Math.ceil(-Math.log10(step))));
  const fixed = (number, step) => signed(number.toFixed(places(step)));
  const share = Math.max(2.3 * unit, 0.01); // of itself, that a unit adds to a number whose decades are along the axis
  const power = (number) => fixed(10 ** number, 10 ** number * share);
  const decades = (number) => (number < -3 || number > 4 ? `10^${fixed(number, Math.max(unit, 0.1))}` : power(number));
  const nines = (number) => fixed(1 - 10 ** -number, 10 ** -number * share);
  const meanings = { linear: (number) => fixed(number, whole ? 1 : unit), log: decades, decades, powers: power, nines };
  const name = label.split(" = ")[0], isSymbol = /(^|\s)\S$/.test(name); // "lag k" of "lag k = T − t"
  const at = (place) => (whole ? Math.round(start + each * (place - from)) : start + each * (place - from));
  return {
    snapped: (place) => from + (at(place) - start) / each,
    step: whole ? Math.max(1, Math.round(unit)) / unit : length / 100,
    /** The number at a place, behind the name of the axis. */
    said: (place) => (name && meanings[meaning] ? `${name}${isSymbol ? " =" : ":"} ${meanings[meaning](at(place))}` : ""),
    number: (place) => meanings[meaning]?.(at(place)) ?? "",
  };
}

/**
 * Say what a picture shows under the pointer or, by keyboard, along its curves. `layer` is drawn over the picture;
 * `front` holds its curves, which say by `data-curve` what they are. Returns `element`, to stand over the picture.
 */
function reading(picture, front, layer) {
  const hair = drawing("line", { class: "d2l-hair" }), dot = drawing("circle", { r: 5, class: "d2l-dot" });
  const paper = drawing("rect", { class: "d2l-paper", rx: 4 }), words = drawing("text");
  const label = drawing("g", { class: "d2l-reading", style: "display: none" });
  label.append(hair, dot, paper, words);
  layer.append(label);
  const element = make("div", {
    class: "d2l-reader", role: "slider", tabindex: 0, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0,
    "aria-label": "read the picture: left and right along a curve, up and down to the next one",
  });
  let axes = {}, known = null, pointer = null, chosen = 0, share = 0.5;

  /** Return the panels with their curves, once for each picture that is read. */
  const panels = () => (known ??= Object.entries(axes).map(([key, { box, x, y }]) => {
    const [left, top, width, height] = box;
    const paths = [...front.querySelectorAll(`[data-axes="${key}"]`)];
    const curves = paths.map((path) => ({ name: path.dataset.curve, pieces: piecesOf(path, box) }));
    const inSight = curves.filter(({ pieces }) => pieces.length);
    return { box, x: scaleOf(x, left, width), y: scaleOf(y, top + height, -height), hasCurves: curves.length > 0, curves: inSight };
  }));

  /** Return what is said of a curve at x: lines of words, and the place. */
  function onCurve(panel, { name, pieces }, x, y) {
    const whole = panel.x.snapped(x), height = heightAt(pieces, whole, y), at = height === null ? x : whole;
    const there = height ?? heightAt(pieces, x, y);
    return there === null ? null : { panel, at: [at, there], lines: [panel.x.said(at), `${name}: ${panel.y.number(there)}`] };
  }

  function under([x, y]) {
    const panel = panels().find(({ box }) => isIn(box, [x, y], 3));
    if (!panel) return null;
    if (!panel.hasCurves) return { panel, at: [x, y], lines: [panel.x.said(x), panel.y.said(y)] };
    const found = panel.curves.map((curve) => onCurve(panel, curve, x, y)).filter(Boolean);
    return found[nearest(found.map(({ at }) => at[1]), y)] ?? null;
  }

  function write(lines) {
    words.replaceChildren();
    lines.forEach((line, i) => line.split(/\^(\S+)/).forEach((part, j) => {
      const raised = j % 2, dy = j ? (raised ? -5 : 5) : i ? 20 : 0;
      const piece = drawing("tspan", { ...(j ? {} : { x: 0 }), dy, "font-size": raised ? 12 : 16 });
      piece.textContent = part;
      words.append(piece);
    }));
  }

  function draw(found) {
    const lines = found?.lines.filter(Boolean) ?? [];
    label.style.display = lines.length ? "" : "none";
    if (!lines.length) return;
    const [x, y] = found.at, [, top, , height] = found.panel.box, { width, height: low } = picture.viewBox.baseVal;
    set(hair, { x1: x, x2: x, y1: top, y2: top + height });
    set(dot, { cx: x, cy: y });
    write(lines);
    const size = words.getBBox(), wide = size.width + 16, high = size.height + 10;
    const left = x + 12 + wide > width ? Math.max(0, x - 12 - wide) : x + 12;
    const above = Math.min(Math.max(0, y - 12 - high), low - high);
    set(paper, { x: left, y: above, width: wide, height: high });
    set(words, { transform: `translate(${left + 8} ${above + 5 - size.y})` });
  }

  /** By keyboard: the chosen curve at its share of the width, or as near to it as the curve goes. */
  function byKey() {
    const all = panels().flatMap((panel) => panel.curves.map((curve) => [panel, curve]));
    if (!all.length) return null;
    const [panel, curve] = all[(chosen = Math.min(chosen, all.length - 1))], [left, top, width, height] = panel.box;
    const ends = curve.pieces.flatMap(([x0, , x1]) => [x0, x1]);
    const found = onCurve(panel, curve, within(left + share * width, Math.min(...ends), Math.max(...ends)), top + height / 2);
    if (!found) return null;
    const here = (found.at[0] - left) / width;
    set(element, { "aria-valuenow": Math.round(100 * here), "aria-valuetext": found.lines.filter(Boolean).join(", ") });
    return { ...found, here, step: panel.x.step / width, many: all.length };
  }

  const isRead = () => document.activeElement === element || element.getRootNode().activeElement === element;
  const look = () => draw(isRead() ? byKey() : pointer && under(pointer));

  const KEYS = {
    ArrowLeft: ({ here, step }) => (share = here - step), ArrowRight: ({ here, step }) => (share = here + step),
    PageDown: ({ here, step }) => (share = here - 10 * step), PageUp: ({ here, step }) => (share = here + 10 * step),
    Home: () => (share = 0), End: () => (share = 1),
    ArrowDown: ({ many }) => (chosen = (chosen + 1) % many), ArrowUp: ({ many }) => (chosen = (chosen + many - 1) % many),
    Escape: () => element.blur(),
  };
  element.addEventListener("keydown", (event) => {
    const found = KEYS[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey && byKey();
    if (!found) return;
    event.preventDefault();
    KEYS[event.key](found);
    look();
  });
  for (const change of ["focus", "blur"]) element.addEventListener(change, look);

  return {
    element,
    /** Read at a place of the picture, or nowhere. */
    at(place) {
      pointer = place;
      look();
    },
    show(answer) {
      [axes, known] = [answer.axes ?? {}, null];
      element.hidden = !front.querySelector("[data-curve]");
      look();
    },
  };
}

// ---- what the page is like

/** Whether what lies behind an element is dark; then the colours of the pictures are as light as they were dark. */
function isDark(element) {
  for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
    const [r, g, b, alpha = 1] = getComputedStyle(at).backgroundColor.match(/[\d.]+/g).map(Number);
    if (alpha > 0.5) return 0.299 * r + 0.587 * g + 0.114 * b < 128;
  }
  return false;
}

/** Keep a class of the root as dark as the page; returns what ends it. */
function followTheme(root) {
  const look = () => root.isConnected && root.classList.toggle("d2l-dark", isDark(root.parentElement));
  const watcher = new MutationObserver(look);
  for (const part of [document.documentElement, document.body]) watcher.observe(part, { attributes: true });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", look);
  look();
  return () => {
    watcher.disconnect();
    scheme.removeEventListener("change", look);
  };
}

// ---- colours in the dark: the same hue, as light as it was dark, in Ottosson's OKLab, where lightness is as one sees it

const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);

/** Return lightness, chroma and hue of a colour such as "0072b2". */
function oklch(hex) {
  const [r, g, b] = [0, 2, 4].map((i) => linear(parseInt(hex.slice(i, i + 2), 16) / 255));
  const [l, m, s] = [
    0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b,
    0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b,
    0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b,
  ].map(Math.cbrt);
  const A = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const B = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  return [0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, Math.hypot(A, B), (Math.atan2(B, A) * 180) / Math.PI];
}

/** Return what a colour of the pictures becomes on a dark page: ink light, paper dark, and colours bright. */
function inTheDark(hex) {
  const [light, chroma, hue] = oklch(hex);
  const turned = chroma < 0.03 ? 1.1 - 0.92 * light : Math.min(0.84, 1.08 - 0.66 * light);
  return `oklch(${turned.toFixed(3)} ${(0.9 * chroma).toFixed(3)} ${hue.toFixed(1)})`;
}

const dark = (onPage.dark ??= new Map()); // colours of all pictures of the page
const darkSheet = (onPage.darkSheet ??= make("style", { media: "screen" }));

/** Let the page know what the colours of a picture become in the dark. */
function knowColours(markup) {
  const before = dark.size;
  for (const [, hex] of markup.matchAll(/var\(--d2l-([0-9a-f]{6})/g)) if (!dark.has(hex)) dark.set(hex, inTheDark(hex));
  if (dark.size > before || !darkSheet.isConnected) {
    const lines = [...dark].map(([hex, colour]) => `--d2l-${hex}: ${colour};`);
    darkSheet.textContent = `.d2l-dark { --d2l-image: invert(1) hue-rotate(180deg) brightness(1.1); ${lines.join(" ")} }`;
    document.head.append(darkSheet);
  }
}

/** Whether the reader has the font: the pictures' places of words are made for it. */
function hasFont() {
  const context = make("canvas").getContext("2d");
  const width = (font) => ((context.font = `72px ${font}`), context.measureText("λmW∂ₜ").width);
  return width(`"${FONT}", monospace`) !== width("monospace") || width(`"${FONT}", serif`) !== width("serif");
}

const fonts = (onPage.fonts ??= make("style")); // one for all pictures of the page

/** Ask for the font, if the reader has none and nobody has brought it yet. */
function wantFonts(source) {
  if (fonts.textContent || hasFont()) return;
  document.head.append(fonts);
  source.fonts();
}

// ---- saving: what is on the page, in the colours of paper

function paperCopy(svg, title) {
  const copy = svg.cloneNode(true);
  const { width, height } = svg.viewBox.baseVal;
  copy.querySelector(".d2l-hands").remove();
  for (const name of ["class", "role", "aria-labelledby", "aria-describedby"]) copy.removeAttribute(name);
  for (const [name, value] of Object.entries({ xmlns: SVG, width, height, "font-family": FONT })) copy.setAttribute(name, value);
  copy.prepend(Object.assign(drawing("title"), { textContent: title }));
  if (fonts.textContent) copy.append(Object.assign(drawing("style"), { textContent: fonts.textContent }));
  copy.insertBefore(drawing("rect", { width, height, fill: "#fff" }), copy.children[1]);
  const text = new XMLSerializer().serializeToString(copy);
  return text.replace(/var\(--d2l-[^,()]+,\s*([^()]+)\)/g, "$1");
}

function download(blob, name) {
  const link = make("a", { download: name, href: URL.createObjectURL(blob) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function save(svg, kind, name, title) {
  const text = new Blob([paperCopy(svg, title)], { type: "image/svg+xml" });
  if (kind === "svg") return download(text, `${name}.svg`);
  const image = new Image(), { width, height } = svg.viewBox.baseVal;
  image.src = URL.createObjectURL(text);
  await image.decode();
  const canvas = make("canvas", { width: 2 * width, height: 2 * height });
  canvas.getContext("2d").drawImage(image, 0, 0, 2 * width, 2 * height);
  URL.revokeObjectURL(image.src);
  canvas.toBlob((blob) => download(blob, `${name}.png`));
}

/** Copy the text of an element; where the page may not, select it, so that the reader can. Returns whether it is copied. */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return false;
  }
}

// ---- the explorer

/** Show the explorer of a source inside an element; returns what takes it away. */
export function mount(source, element) {
  const { name, question, controls: specs, actions, play } = source.spec, uid = `d2l${++onPage.views}-`;
  const id = (what) => `${uid}${what}`;
  const settled = { speak: 0, rest: 0 };
  let pressed = false, background = null, width = 0;

  const title = Object.assign(make("h3", { class: "d2l-question", id: id("q") }), { innerHTML: question });
  const picture = drawing("svg", { class: "d2l-picture", role: "img", "aria-labelledby": id("q"), "aria-describedby": id("alt") });
  const back = drawing("g", { class: "d2l-background" }), front = drawing("g", { class: "d2l-foreground" });
  const over = drawing("g", { class: "d2l-hands" });
  picture.append(back, front, over);
  const failed = make("p", { class: "d2l-error", role: "alert", hidden: true });
  const sentence = make("figcaption", { class: "d2l-sentence" });
  const details = make("ul"), code = make("code");
  const alternative = make("p", { id: id("alt"), hidden: true }); // described by it, and not read twice
  const status = make("p", { class: "d2l-unseen", role: "status" });
  const note = make("p", { class: "d2l-note", role: "alert" });
  const progress = make("progress", { hidden: true, "aria-label": "progress of the calculation" });

  const post = courier(source, (why = "") => {
    note.textContent = why;
    progress.hidden = true;
    if (why) (player?.stop(), showControls(source.answer()));
  }, sayBusy);
  const change = (key) => (value, moving) => {
    noRest();
    post.ask({ set: { [key]: value }, moving });
  };
  /** What the reader asks for ends what plays. */
  const ask = (question) => {
    player?.stop();
    noRest();
    post.ask(question);
  };
  const controls = Object.fromEntries(
    specs.map((spec) => [spec.key, KINDS[spec.kind](id(spec.key), spec, (value, moving) => ask({ set: { [spec.key]: value }, moving }))]),
  );
  const player = controls[play] && playing(controls[play], change(play), post.idle, () => post.idle() && speakLater());
  const drag = dragging(picture, over, controls, (set, moving) => ask({ set, moving }), (keys) => {
    for (const { key } of specs) controls[key].element.classList.toggle("d2l-hinted", keys.includes(key));
  });
  const read = reading(picture, front, over);
  /** A mouse reads where it is, a finger where it taps; not while it drags. */
  const readAt = (event) => read.at(drag.holds() ? null : placeOf(picture, event));
  picture.addEventListener("pointermove", (event) => event.pointerType !== "touch" && readAt(event));
  picture.addEventListener("click", readAt);
  picture.addEventListener("pointerleave", () => read.at(null));
  const withButton = (key) =>
    key === play ? make("div", { class: "d2l-played" }, controls[key].element, player.element) : controls[key].element;
  const elements = (more) => specs.filter((spec) => spec.more === more).map((spec) => withButton(spec.key));
  const [main, ...others] = elements(false), folded = elements(true);
  main.classList.add("d2l-main");

  const beside = make("div", { class: "d2l-folded", id: id("more"), role: "group", "aria-label": "more controls", hidden: true }, ...folded);
  const more = button("more", () => unfold(beside, more), { "aria-expanded": "false", "aria-controls": id("more") });
  const python = make("div", { class: "d2l-python", id: id("python"), hidden: true },
    make("pre", { tabindex: 0, "aria-label": "these settings as Python" }, code),
    button("Copy", () => copy(code)));
  const asPython = button("As Python", () => unfold(python, asPython), { "aria-expanded": "false", "aria-controls": id("python") });
  const view = make("div", { class: "d2l-view" }, picture, read.element);
  const root = make("div", { class: "d2l", role: "group", "aria-labelledby": id("q"), "data-name": name },
    make("div", { class: "d2l-body" },
      make("div", { class: "d2l-head" }, title, ...(folded.length ? [more] : [])),
      main,
      make("div", { class: "d2l-controls" }, ...others),
      make("div", { class: "d2l-stage" }, make("figure", {}, view, failed, progress, sentence), beside),
      note, status, alternative,
      make("details", { class: "d2l-details" }, make("summary", {}, "details"), details),
      make("div", { class: "d2l-buttons" },
        ...actions.map((words) => button(words, () => ask({ do: "press", button: words }))),
        button("Reset", () => ask({ do: "reset" })),
        asPython,
        button("Save SVG", () => save(picture, "svg", name, title.textContent)),
        button("Save PNG", () => save(picture, "png", name, title.textContent))),
      python));
  element.append(root);

  /** JupyterLab takes arrow keys, letters and Enter for itself, unless what has the focus says this; Ctrl+S is its own. */
  function keepKeys(event) {
    if (!root.contains(event.target)) return;
    if (event.ctrlKey || event.metaKey) event.target.removeAttribute("data-lm-suppress-shortcuts");
    else event.target.setAttribute("data-lm-suppress-shortcuts", "true");
  }

  function unfold(part, by) {
    part.hidden = !part.hidden;
    by.setAttribute("aria-expanded", String(!part.hidden));
  }

  function showControls(answer) {
    for (const [key, state] of Object.entries(answer.controls)) if (!post.wants(key)) controls[key].set(state);
    player?.show();
  }

  function showPicture(answer) {
    if (answer.background !== background) {
      background = answer.background;
      picture.setAttribute("viewBox", `0 0 ${answer.width} ${answer.height}`);
      root.style.setProperty("--d2l-shape", answer.width / answer.height);
      knowColours(background);
      back.innerHTML = background.replace(MARK, uid);
    }
    const foreground = answer.foreground ?? "";
    knowColours(foreground);
    front.innerHTML = foreground.replace(MARK, uid);
    drag.show(answer);
    read.show(answer);
    sentence.innerHTML = answer.sentence ?? "";
    details.replaceChildren(...(answer.details ?? []).map((line) => Object.assign(make("li"), { innerHTML: line })));
    code.textContent = answer.code ?? "";
  }

  function show(answer) {
    post.answered(answer.number);
    showControls(answer);
    failed.hidden = !answer.error;
    failed.textContent = answer.error ?? "";
    root.classList.toggle("d2l-failed", Boolean(answer.error));
    showPicture(answer);
    alternative.textContent = [sentence, ...details.children].map((part) => part.textContent).join(" ");
    root.dataset.shown = JSON.stringify(Object.fromEntries(Object.entries(answer.controls).map(([key, { value }]) => [key, value])));
    progress.hidden = true;
    speakLater();
    if (answer.unsettled) restLater();
  }

  function speakLater() {
    clearTimeout(settled.speak);
    if (!player?.runs()) settled.speak = setTimeout(() => (status.textContent = sentence.textContent), SPEAK);
  }

  /** Let the axes follow once nothing moves any more, and no button of the mouse is held. */
  function restLater() {
    noRest();
    settled.rest = setTimeout(() => {
      settled.rest = 0;
      if (pressed || !post.idle()) restLater();
      else post.ask({ moving: false });
    }, REST);
    sayBusy();
  }

  function noRest() {
    clearTimeout(settled.rest);
    settled.rest = 0;
  }

  /** For programs that drive the page: whether another picture is to come without their doing anything. */
  function sayBusy() {
    root.dataset.busy = !post.idle() || (settled.rest > 0 && !pressed);
  }

  const up = () => {
    pressed = false;
    sayBusy();
  };
  const down = ({ target }) => {
    pressed = true;
    if (target !== player?.element) player?.stop();
  };
  root.addEventListener("pointerdown", down);
  window.addEventListener("keydown", keepKeys, true);
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, up, true);

  const sizes = new ResizeObserver(([{ contentRect }]) => {
    if (!contentRect.width) return player?.stop(); // not in sight
    const narrow = contentRect.width < NARROW, before = width && width < NARROW;
    width = contentRect.width;
    if (narrow !== before && narrow !== Boolean(source.answer()?.narrow)) post.ask({ narrow });
  });
  sizes.observe(root);

  const endTheme = followTheme(root);
  const endListening = source.listen((way) => {
    if (way?.lost) post.giveUp(way.lost);
    else if (way) {
      Object.assign(progress, { max: way.of, value: way.done, hidden: false });
      post.onTheWay();
    } else show(source.answer());
  });
  if (source.answer()) show(source.answer());
  clearTimeout(settled.speak); // nothing has changed yet
  wantFonts(source);

  return () => {
    for (const timer of Object.values(settled)) clearTimeout(timer);
    for (const end of ["pointerup", "pointercancel"]) window.removeEventListener(end, up, true);
    window.removeEventListener("keydown", keepKeys, true);
    sizes.disconnect();
    player?.end();
    post.end();
    endTheme();
    endListening();
    root.remove();
  };
}

// ---- sources

/** A widget whose kernel answers. */
export function fromModel(model) {
  return {
    spec: model.get("spec"),
    answer: () => ({ ...model.get("answer"), background: model.get("background") }),
    ask: (question) => model.send(question),
    fonts: () => model.send({ do: "fonts" }),
    listen(heard) {
      const answered = () => heard();
      const told = (message) => {
        if (message.fonts) fonts.textContent = message.fonts;
        else heard(message);
      };
      model.on("change:answer", answered);
      model.on("msg:custom", told);
      return () => {
        model.off("change:answer", answered);
        model.off("msg:custom", told);
      };
    },
  };
}

const shown = (onPage.shown ??= new WeakMap()); // how often each widget is shown, by its layout, which is its own

/**
 * Let JupyterLab keep what it shows of a notebook that was opened again. By itself it saves only widgets that have a
 * kernel (issue 3270 of ipywidgets): after the next save, even its own, an error would stand in the place of each. What
 * is shown no more, because its cell was run again, may go.
 */
function keepWhenSaved(manager) {
  const { get_state_sync: save, _modelsSync: models } = manager ?? {};
  if (!save || !models || Object.hasOwn(manager, "get_state_sync")) return;
  manager.get_state_sync = (options) => {
    const ours = [...models.values()].filter((one) => one.get("spec")?.controls && shown.get(one.get("layout")) !== 0);
    const asleep = ours.flatMap((one) => [one, one.get("layout")]).filter((one) => !one.comm_live);
    for (const one of asleep) one.comm_live = true;
    const state = save.call(manager, options);
    for (const one of asleep) one.comm_live = false;
    return state;
  };
}

export default {
  initialize: ({ model }) => keepWhenSaved(model.widget_manager),
  render({ model, el }) {
    const layout = model.get("layout"), count = (more) => shown.set(layout, (shown.get(layout) ?? 0) + more);
    const end = mount(fromModel(model), el);
    count(1);
    return () => (count(-1), end());
  },
};
