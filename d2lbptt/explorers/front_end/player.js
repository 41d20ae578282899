// Explorers on a page without a kernel: `front_end.table` computed their answers beforehand.
//
// This and front_end.js are one classic script, in one closure, because pages that are opened from a folder may neither
// import nor fetch. For the same reason each file of data is a script too, which hands over what it brings.

const LOST = "This part of the data could not be loaded, so the picture stays as it was.";
const NO_DATA = "This picture does not move: its data could not be loaded.";
const GONE = "The kernel is gone: load this page again.";
const TOO_OLD = "This picture does not move: the browser cannot unpack its data. Browsers since 2023 can.";
const SLOW = 300; // ms without an answer after which we say that it is on its way
const AHEAD = "800px"; // from the screen, where a player begins to load
const LONG = 40; // letters of an address that a sentence repeats
const WRITE = 400; // ms at rest after which the address follows: browsers refuse to write it often

/**
 * A source of answers that were computed beforehand: `head` is that of `front_end.table`, `loadChunk(key)` promises one
 * of its chunks.
 *
 * Beside what every source has it offers `where(question)`, the place to which a question would lead: the preset of the
 * scene or 0, where the controls stand that move there, and the preset shown; and `prepare()`, which brings one more
 * chunk, the nearest that is not at hand, and promises whether there was one. `ask` promises whether the answer came.
 */
export function fromTable(head, loadChunk) {
  const { leads: [main, ...others], scenes, presets } = head, chunks = {}, listeners = new Set();
  const start = { scene: 0, at: head.start, preset: 0, narrow: false };
  let wanted = start, shown = start, state, number, count = 0;
  const tell = (way) => listeners.forEach((heard) => heard(way));

  const rowsOf = ({ scene }) => scenes[scene].rows;
  const rowOf = (place) => {
    let rows = rowsOf(place);
    for (const key of others.filter((other) => other in rows[0].at)) {
      const value = rows[nearest(rows.map(({ at }) => at[key]), place.at[key])].at[key];
      rows = rows.filter(({ at }) => at[key] === value);
    }
    return rows[0];
  };
  const keyOf = (scene, row, narrow) => `${scene}-${row}-${narrow && head.first.narrow ? "narrow" : "wide"}`;
  const keyAt = (place) => keyOf(place.scene, rowsOf(place).indexOf(rowOf(place)), place.narrow);

  /** What is seen at a place, or undefined as long as its chunk is not at hand. */
  function find(place) {
    const { scene, at, preset, narrow } = place, chunk = chunks[keyAt(place)], { first, pool } = head;
    if (!scene && !preset && Object.entries(head.start).every(([key, value]) => at[key] === value))
      return unpacked((narrow && first.narrow) || first.wide, pool, []);
    const values = rowOf(place).values;
    return chunk && unpacked(chunk.presets[preset] ?? chunk.states[nearest(values, at[main])], pool, chunk.pool);
  }

  /** The controls of a state: those that lead here take the values that are in the table, and the others stand still. */
  function controlsAt(place, controls) {
    const rows = rowsOf(place), row = rowOf(place);
    const values = (key) => (key === main ? row.values : key in row.at ? [...new Set(rows.map(({ at }) => at[key]))] : undefined);
    const now = (key, control) => {
      const here = key === "preset" ? undefined : values(key);
      return { ...control, values: here, disabled: control.disabled || (!here && key !== "preset") };
    };
    return Object.fromEntries(Object.entries(controls).map(([key, control]) => [key, now(key, control)]));
  }

  /** Where a question leads. What stands still there does not move. */
  function follow(place, { narrow = place.narrow, do: what, set = {} }) {
    const { scene, at, preset } = { ...(what === "reset" ? start : place), ...presets[set.preset - 1] };
    const moving = [main, ...others].filter((key) => key in set && (key === main || key in scenes[scene].rows[0].at));
    const next = { ...at, ...Object.fromEntries(moving.map((key) => [key, set[key]])) };
    const named = set.preset ?? preset;
    const left = named && moving.some((key) => next[key] !== presets[named - 1].at[key]);
    return { scene, at: next, preset: left ? 0 : named, narrow };
  }

  async function bring(key) {
    chunks[key] ??= await loadChunk(key);
  }

  async function show(place) {
    const mine = ++count;
    wanted = place;
    const slow = setTimeout(() => mine === count && tell({ done: 0, of: 1 }), SLOW);
    try {
      if (!find(place)) await bring(keyAt(place));
    } catch {
      if (mine === count) {
        wanted = shown;
        tell({ lost: LOST });
      }
      return false;
    } finally {
      clearTimeout(slow);
    }
    if (mine !== count) return true; // somebody wants to see something else by now
    [shown, state] = [place, find(place)];
    tell();
    return true;
  }

  /** The key of the nearest chunk of this arrangement that is not at hand. */
  function missing() {
    const here = rowsOf(shown).indexOf(rowOf(shown));
    const far = ([scene, row]) => (scene === shown.scene ? Math.abs(row - here) : 1000 + scene);
    const all = scenes.flatMap(({ rows }, scene) => rows.map((_, row) => [scene, row])).sort((a, b) => far(a) - far(b));
    return all.map((place) => keyOf(...place, shown.narrow)).find((key) => !(key in chunks));
  }

  state = find(start);
  return {
    spec: head.spec,
    atOnce: true,
    answer: () => ({ ...state, controls: controlsAt(shown, state.controls), number, narrow: shown.narrow }),
    ask(question) {
      ({ number = number } = question);
      return show(follow(wanted, question));
    },
    fonts: () => load("fonts").then((sheet) => (fonts.textContent = sheet), () => {}), // without it words look a little different
    listen(heard) {
      listeners.add(heard);
      return () => listeners.delete(heard);
    },
    where(question = {}) {
      const place = follow(wanted, question), { at, values } = rowOf(place);
      const own = values[nearest(values, place.at[main])];
      return { scene: scenes[place.scene].preset, at: { [main]: own, ...at }, preset: place.preset };
    },
    async prepare() {
      const key = missing();
      if (key) await bring(key);
      return Boolean(key);
    },
  };
}

/** A state whose fields name their parts by places in two pools, one behind the other. */
function unpacked(packed, pool, more) {
  const part = (place) => (place < pool.length ? pool[place] : more[place - pool.length]);
  const field = (places) => {
    if (typeof places === "number") return part(places);
    if (Array.isArray(places)) return places.map(part);
    return Object.fromEntries(Object.entries(places).map(([key, place]) => [key, part(place)]));
  };
  const state = Object.fromEntries(Object.entries(packed).map(([key, places]) => [key, field(places)]));
  return { ...state, background: state.background.join(""), foreground: state.foreground.join("") };
}

// ---- files of data: each calls `take` with its name and base64 of deflated JSON

const FOLDER = document.currentScript?.src && new URL(".", document.currentScript.src).href;
const taken = new Map(), loads = new Map();

function run(name) {
  const script = make("script", { src: `${FOLDER}${name}.js` });
  return new Promise((resolve, reject) => {
    const lost = () => reject(new Error(`${name} could not be loaded`));
    script.addEventListener("load", () => (taken.has(name) ? resolve(taken.get(name)) : lost()));
    script.addEventListener("error", lost);
    document.head.append(script);
  }).finally(() => {
    script.remove();
    taken.delete(name);
  });
}

function inflated(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

/** Promise what is in a file; all players of the page share it, and one that failed may be asked for again. */
function load(name) {
  if (!loads.has(name)) {
    const promised = run(name).then(inflated);
    promised.catch(() => loads.delete(name));
    loads.set(name, promised);
  }
  return loads.get(name);
}

// ---- values by name, as Python knows them

const NAMES = new Map([[null, "None"], [true, "True"], [false, "False"]]);
const written = (value) => NAMES.get(value) ?? String(value);
/** What an address has, as a sentence names it. */
const named = (text) => (text.length > LONG ? `${text.slice(0, LONG)}…` : text || '""');
const listed = (words) => (words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);

/** A value as the page knows it, of one as Python does; null where a menu does not have it. */
function sent(head, key, value) {
  const menu = head.menus[key];
  if (!menu) return typeof value === "number" ? value : null;
  return menu.includes(value) ? menu.indexOf(value) : null;
}

/** A value as Python knows it, of the text in an address. */
function fromText(head, key, text) {
  const menu = Object.hasOwn(head.menus, key) ? head.menus[key] : [];
  const number = text.trim() === "" ? NaN : Number(text);
  return menu.find((value) => written(value) === text) ?? (Number.isFinite(number) ? number : text);
}

/** What is asked of a source to show values, after Reset if `afresh`; throws an error whose message says what is wrong. */
function asked(head, values, afresh) {
  const keys = head.spec.controls.map(({ key }) => key);
  const one = ([key, value]) => {
    if (!keys.includes(key)) throw new Error(`There is no control ${named(key)} here, only ${listed(keys)}.`);
    const known = head.menus[key]?.filter((other) => other !== "").map(written);
    const found = sent(head, key, value);
    if (found === null) throw new Error(`${key} is ${value === "" ? "empty" : named(written(value))}, wanted ${known ? `one of ${listed(known)}` : "a number"}.`);
    return [key, found];
  };
  return { set: Object.fromEntries(Object.entries(values).map(one)), ...(afresh && { do: "reset" }) };
}

/** In a sentence each, what of a question cannot be shown: controls that stand `still`, and values that are `far`. */
function missed(head, source, question) {
  const { at, scene } = source.where(question), { preset, ...set } = question.set;
  const told = (key, value) => `${key} = ${written(head.menus[key]?.[value] ?? value)}`;
  const place = scene ? "with this preset" : "on this page";
  const moving = `only ${listed(Object.keys(at))} move${Object.keys(at).length > 1 ? "" : "s"}`;
  const keys = Object.keys(set), far = keys.filter((key) => key in at && at[key] !== set[key]);
  return {
    still: keys.filter((key) => !(key in at)).map((key) => `${key} stands still ${place}, where ${moving}.`),
    far: far.map((key) => `${told(key, set[key])} was not computed for this page; the nearest is ${told(key, at[key])}.`),
  };
}

// ---- addresses: #g=1.2&T=200

/** The values in the address of the page, as Python knows them; what has no "=" is a place on the page. */
function inAddress(head) {
  const pairs = location.hash.includes("=") ? [...new URLSearchParams(location.hash.slice(1))] : [];
  return Object.fromEntries(pairs.map(([key, text]) => [key, fromText(head, key, text)]));
}

/** The same for what a source shows. */
function toAddress(head, source) {
  const { scene, preset, at } = source.where();
  const values = scene || preset ? { preset: scene || preset, ...(preset ? {} : at) } : at;
  const text = (key, value) => encodeURIComponent(written(head.menus[key]?.[value] ?? value));
  return `#${Object.entries(values).map(([key, value]) => `${key}=${text(key, value)}`).join("&")}`;
}

/** Let the address follow a player, and the player the address; gives its row of buttons one that copies the address. */
function keepAddress(figure, head, source, follow) {
  let timer;
  const write = () => history.replaceState(null, "", toAddress(head, source));
  source.listen((way) => {
    if (way) return;
    clearTimeout(timer);
    timer = setTimeout(write, WRITE);
  });
  window.addEventListener("hashchange", async () => {
    await follow(inAddress(head));
    // A link below the picture shows what it does.
    if (location.hash.includes("=")) figure.querySelector(".d2l-stage figure").scrollIntoView({ block: "nearest" });
  });
  const address = make("code"), words = make("span"), told = make("p", { class: "d2l-address", role: "status" }, words, address);
  const link = button("Link", async () => {
    write();
    address.textContent = location.href;
    words.textContent = (await copy(address)) ? "Copied: " : "The address to copy: ";
  });
  figure.querySelector(".d2l-buttons").append(link);
  figure.querySelector(".d2l-buttons").after(told);
}

// ---- players: figures of a page that move

/** Say once which controls move here, and keep saying it right. */
function sayWhatMoves(figure, head, source) {
  const note = make("p", { class: "d2l-moving" });
  const labels = Object.fromEntries(head.spec.controls.map(({ key, label }) => [key, label]));
  let said;
  const say = (way) => {
    const { scene, at } = source.where(), keys = Object.keys(at);
    if (way || scene === said) return;
    said = scene;
    const words = `${listed(keys.map((key) => labels[key]))} move${keys.length > 1 ? "" : "s"}`;
    note.innerHTML = scene
      ? `With this preset only ${words} here; Reset leads back.`
      : `On this page ${words}; the other controls move in the notebook.`;
  };
  say();
  source.listen(say);
  figure.querySelector(".d2l-details").before(note);
}

/** Bring what is not at hand while nothing else is to be done, the nearest first. */
async function prepare(source) {
  if (navigator.connection?.saveData) return;
  const rest = () => new Promise((done) => (globalThis.requestIdleCallback ?? setTimeout)(done));
  const more = () => source.prepare().catch(() => false);
  do await rest();
  while (await more());
}

/** Let a figure move. It keeps its static picture until that is possible. */
async function makePlayer(figure) {
  if (!globalThis.DecompressionStream) throw new Error(TOO_OLD);
  const { name, address } = figure.dataset;
  const head = await load(`${name}/head`).catch(() => Promise.reject(new Error(NO_DATA)));
  const source = fromTable(head, (key) => load(`${name}/${key}-${head.version}`));
  const { follow, ...player } = await begin(figure, head, source);
  sayWhatMoves(figure, head, source);
  if (address !== undefined) keepAddress(figure, head, source, follow);
  prepare(source);
  return player;
}

/** Let a figure show the answers of a source, from where its data says; `head` has a spec and the values of menus. */
async function begin(figure, head, source) {
  const { address, set: start = "{}" } = figure.dataset;
  const refused = make("p", { class: "d2l-refused", role: "status" });
  source.listen((way) => way || (refused.textContent = ""));

  /** Show what is asked, or what is nearest. */
  async function show(question) {
    if (!(await source.ask(question))) throw new Error(LOST);
  }

  async function set(values, afresh = false) {
    const question = asked(head, values, afresh), { still, far } = missed(head, source, question);
    if (still.length + far.length) throw new Error([...still, ...far].join(" "));
    await show(question);
  }

  /** Show these values from the start on, or what is nearest; promises in words what could not be shown. */
  async function near(values) {
    const question = asked(head, values, true), { still, far } = missed(head, source, question);
    await show(question);
    return [...still, ...far, ...stopped(head, source, question)].join(" ");
  }

  /** The same; or the start, where something would have to move that stands still, and why. */
  async function follow(values) {
    try {
      const { still } = missed(head, source, asked(head, values, true));
      if (still.length) throw new Error(still.join(" "));
      refused.textContent = await near(values);
    } catch ({ message }) {
      await source.ask({ do: "reset" });
      refused.textContent = message;
    }
  }

  await source.ask({ narrow: figure.clientWidth < NARROW });
  await follow({ ...JSON.parse(start), ...(address !== undefined && inAddress(head)) });
  figure.replaceChildren();
  mount(source, figure);
  figure.classList.add("d2l-moves");
  figure.querySelector(".d2l-note").after(refused);
  return {
    set: (values) => set(values),
    reset: (values = {}) => set(values, true),
    near,
    /** Show what an address says, where values are text. */
    read: (texts) => follow(Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, fromText(head, key, text)]))),
    values: () => valuesOf(head, source),
    listen: (heard) => source.listen((way) => way || heard()),
    data: head,
    follow,
  };
}

// ---- players whose answers come from a kernel

/** The source of a widget as a player wants it: it promises answers, and nothing that it has stands still. */
function fromKernel(model) {
  const source = fromModel(model);
  let count = 0;
  const answered = (number) =>
    new Promise((done) => {
      const end = source.listen((way) => way || source.answer().number !== number || done(true, end()));
    });
  const send = (question) => {
    try {
      source.ask(question);
      return true;
    } catch { // the model has lost its kernel
      return false;
    }
  };
  return {
    ...source,
    again: "load this page again",
    ask(question) {
      if ("number" in question) return send(question);
      const number = `player-${++count}`, promised = answered(number);
      if (!send({ set: {}, ...question, number })) throw new Error(GONE);
      return promised;
    },
    where: ({ set = {} } = {}) => ({ scene: 0, preset: 0, at: set }),
  };
}

/** Promise the player of a figure that shows a widget. */
function live(figure, head, model) {
  if (!players.has(figure)) players.set(figure, begin(figure, head, fromKernel(model)));
  return players.get(figure);
}

/** In a sentence each, which controls of an answer have stopped before they were where a question wanted them. */
function stopped(head, source, { set }) {
  const { controls } = source.answer(), { preset, ...wanted } = set, { at } = source.where({ set });
  const told = (key, value) => written(head.menus[key]?.[value] ?? value);
  return Object.keys(wanted)
    .filter((key) => at[key] === wanted[key] && controls[key].value !== wanted[key])
    .map((key) => `${key} = ${told(key, wanted[key])} is out of reach; it stands at ${told(key, controls[key].value)}.`);
}

/** The values of all controls, by name, as Python knows them. */
function valuesOf(head, source) {
  const { controls } = source.answer();
  return Object.fromEntries(Object.entries(controls).map(([key, { value }]) => [key, head.menus[key] ? head.menus[key][value] : value]));
}

const players = new WeakMap();

/** Promise the player of a figure, and let it begin at once. */
function ready(figure) {
  if (!players.has(figure)) players.set(figure, makePlayer(figure));
  return players.get(figure);
}

function mountAll() {
  const figures = document.querySelectorAll(".d2l-player");
  const seen = new IntersectionObserver((entries) => {
    for (const { target } of entries.filter(({ isIntersecting }) => isIntersecting)) {
      seen.unobserve(target);
      ready(target).catch(({ message }) => {
        target.classList.remove("d2l-awaited");
        target.append(make("p", { class: "d2l-refused" }, message));
      });
    }
  }, { rootMargin: AHEAD });
  for (const figure of figures) {
    figure.classList.add("d2l-awaited");
    seen.observe(figure);
  }
}

(window.d2lbptt ??= {}).players = { ready, live, gone: GONE, listed, named, take: (name, text) => taken.set(name, text) };
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", mountAll);
else mountAll();
