// The stage: one explorer a screen, its question above it; what is to be moved is one key away, as is the next screen.
//
// Where answers come from is all that differs between the page of the site, whose players have them, and the page of
// `make present`, where a kernel does; that one has `data-kernel` and calls `d2lbptt.stage.connect`.

(() => {
  const REST = 400; // ms on a screen after which the next one is made
  const LATE = 60000; // ms after which a kernel should be there
  const BUSY = 8000; // ms after which a kernel should have answered
  const STARTS = "The kernel is starting.";
  const NO_KERNEL = "The kernel has not started: see what `make present` says, or open present.html of the site.";
  const NO_ANSWER = "The kernel does not answer. It may be busy; if not, load this page again.";

  const TITLE = document.querySelector(".stage-question").textContent;

  const { players } = window.d2lbptt, { listed, named } = players, part = (name) => document.querySelector(`.stage-${name}`);
  const { lectures, steps, explorers } = JSON.parse(document.querySelector("#lectures").textContent);
  const stage = document.querySelector(".stage"), [question, talk, show, told, bar] = ["question", "talk", "show", "told", "bar"].map(part);

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  /** An element whose words have symbols in them. */
  const worded = (tag, html, attributes) => Object.assign(make(tag, attributes), { innerHTML: html });
  const button = (words, press, attributes = {}) => {
    const element = make("button", { type: "button", ...attributes });
    element.innerHTML = words;
    element.addEventListener("click", press);
    return element;
  };
  const key = (letter) => `<kbd>${letter}</kbd>`;
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  // ---- explorers: one figure for each name

  let kernel = null; // promises what makes an explorer there
  let waiting = ""; // what is said until then
  if ("kernel" in document.body.dataset) {
    kernel = new Promise((connect) => (window.d2lbptt.stage = { connect }));
    waiting = STARTS;
    const late = setTimeout(() => say(NO_KERNEL), LATE);
    kernel.then(() => (clearTimeout(late), say("")));
  }

  function say(words) {
    if (told.textContent === waiting) told.textContent = words;
    waiting = words;
  }

  const figures = {};

  /** Promise the player of an explorer. */
  function playerOf(name) {
    const figure = (figures[name] ??= show.appendChild(make("figure", { class: "stage-figure stage-away", "data-name": name })));
    figure.player ??= makePlayer(figure, name);
    return figure.player;
  }

  async function makePlayer(figure, name) {
    const { head, model, presets } = kernel ? await (await kernel)(name).catch(() => Promise.reject(new Error(players.gone))) : {};
    const player = await (kernel ? players.live(figure, head, model) : players.ready(figure));
    figure.classList.add("d2l-player"); // before, it would be made once more, when it comes into sight
    player.listen(() => {
      figure.at = null;
      figure.querySelector(".stage-still")?.remove();
      const inSight = !figure.classList.contains("stage-away");
      if (figure.instead && inSight) told.textContent = `Now with ${figure.instead}: what this page holds moves no nearer.`;
      figure.instead = "";
    });
    return { ...player, presets };
  }

  // ---- what is shown: a screen of a sequence, after some of its moves

  let sequence = null; // {lecture, screens}
  let at = 0, moved = 0, home = false;
  let run = 0; // what is on its way counts only while it is the newest

  const screenOf = (lecture) => [{ ...lecture.opening, ends: false }, ...lecture.steps.map((name) => ({ ...steps[name], name })), { ...lecture.closing, ends: true }];
  const here = () => sequence.screens[at];
  const movesOf = ({ moves = [] }) => moves.length;

  /** The values of a step after so many moves, each on top of what was there. */
  function valuesAt({ start, moves, stations }, made, { presets = {} }) {
    if (!kernel) return stations[made].set;
    return [start, ...moves.slice(0, made)].reduce((all, more) => ({ ...all, ...presets[more.preset], ...more }), {});
  }

  /** Let the figure of a step show it; promises in words what is not as it should be. */
  async function prepare(step, made) {
    await kernel;
    const late = setTimeout(() => kernel && (told.textContent = NO_ANSWER), BUSY);
    try {
      return await bring(step, made);
    } finally {
      clearTimeout(late);
      if (told.textContent === NO_ANSWER) told.textContent = "";
    }
  }

  async function bring(step, made) {
    const player = await playerOf(step.explorer), figure = figures[step.explorer], place = `${step.name}-${made}`;
    if (step.texts) return player.read(step.texts);
    if (figure.at !== place) {
      figure.wanted = place;
      const words = await player.near(valuesAt(step, made, player));
      if (figure.wanted !== place) return ""; // somebody wants to see something else by now
      [figure.told, figure.at] = [words, place];
      if (!kernel) stillOf(figure, step.stations[made]);
    }
    return figure.told;
  }

  /** Where no player holds a state, its picture stands still until the reader takes a slider. */
  function stillOf(figure, { still, sentence, instead }) {
    if (!still) return;
    const { textContent } = worded("p", sentence);
    figure.querySelector(".d2l-view").append(make("img", { class: "stage-still", src: still, alt: textContent }));
    figure.querySelector(".d2l-sentence").innerHTML = sentence;
    figure.instead = instead;
    figure.told = `This picture stands still, for no kernel runs; a slider leads on from ${instead}.`;
  }

  async function go(place, made = 0, sentence = false) {
    const mine = ++run, leaves = place !== at || stage.dataset.ready === undefined;
    [at, moved, home] = [place, made, sentence];
    const screen = here();
    stage.dataset.ready = "";
    told.textContent = waiting;
    if (leaves) enter(screen);
    fill(screen);
    writeAddress();
    if (screen.explorer) {
      const words = await prepare(screen, made).catch(({ message }) => message);
      if (mine !== run) return;
      told.textContent = words ?? "";
      if (figures[screen.explorer].querySelector(".d2l")) reveal(screen);
      else return;
    }
    fill(screen); // the player knows how its controls are called
    stage.dataset.ready = `${place}-${made}`;
    await wait(REST);
    if (mine === run) preload();
  }

  /** Make the next screen while nothing else is to be done, unless it has the explorer of this one. */
  function preload() {
    const next = sequence.screens[at + 1];
    if (next?.explorer && next.explorer !== here().explorer) prepare(next, 0).catch(() => {});
  }

  const back = () => (home ? go(at, moved) : moved ? go(at, moved - 1) : at && go(at - 1, movesOf(sequence.screens[at - 1]), Boolean(sequence.screens[at - 1].sentence)));
  const move = () => (moved < movesOf(here()) ? go(at, moved + 1, home) : showHome(true));
  const leap = (by) => at + by >= 0 && at + by < sequence.screens.length && go(at + by);
  /** One thing on: the next move, then what to take home, then the next screen. */
  const on = () => (here().explorer && (moved < movesOf(here()) || (here().sentence && !home)) ? move() : leap(1));

  function showHome(wanted) {
    home = wanted && Boolean(here().sentence);
    fill(here());
  }

  // ---- a screen

  const takeHome = make("div", { class: "stage-home", role: "status" });
  const place = make("span", { class: "stage-place" });
  const buttons = {
    menu: button(`${key("L")} Menu`, () => openMenu()),
    previous: button(`${key("P")} ◂`, () => leap(-1), { "aria-label": "Previous screen, key P" }),
    move: button("", move, { class: "stage-move" }),
    home: button(`${key("T")} Take home`, () => showHome(!home)),
    next: button(`${key("N")} ▸`, () => leap(1), { "aria-label": "Next screen, key N" }),
  };
  bar.append(buttons.menu, buttons.previous, place, buttons.move, buttons.home, buttons.next);
  const note = make("aside", { class: "stage-note", "aria-label": "For the speaker", hidden: "", tabindex: "0" });
  stage.append(note);

  function enter(screen) {
    stage.classList.toggle("stage-talks", !screen.explorer);
    stage.classList.remove("stage-all");
    document.title = `${screen.title ?? sequence.title}: the lectures`;
    question.innerHTML = screen.question ?? (screen.explorer ? "" : screen.ends ? "What to take home" : TITLE);
    talk.replaceChildren(...(screen.explorer ? [] : talkOf(screen)));
    for (const figure of Object.values(figures)) figure.classList.add("stage-away");
    question.focus({ preventScroll: true });
  }

  function talkOf({ text, ends }) {
    const sentences = sequence.screens.filter(({ sentence }) => sentence).map(({ sentence }) => worded("li", sentence));
    const begin = [button(`Begin ${key("N")}`, () => leap(1)), button(`Full screen ${key("F")}`, fullScreen)];
    return ends ? [make("ul", {}, ...sentences)] : [worded("p", text), make("p", { class: "stage-begin" }, ...begin)];
  }

  /** Show the figure of a step with the controls that it speaks of. */
  function reveal(screen) {
    for (const [name, figure] of Object.entries(figures)) figure.classList.toggle("stage-away", name !== screen.explorer);
    const figure = figures[screen.explorer], named = screen.texts ? null : new Set([screen.start, ...screen.moves].flatMap(Object.keys));
    if (!screen.question) question.innerHTML = figure.querySelector(".d2l-question").innerHTML;
    for (const row of figure.querySelectorAll(".d2l-control")) row.classList.toggle("stage-spared", named ? !named.has(row.dataset.key) : Boolean(row.closest(".d2l-folded")));
    const folded = figure.querySelector(".d2l-folded");
    folded.hidden = !folded.querySelector(".d2l-control:not(.stage-spared)") && !stage.classList.contains("stage-all");
    figure.querySelector(".d2l-body").append(takeHome);
  }

  function unfold() {
    stage.classList.toggle("stage-all");
    if (stage.dataset.ready && here().explorer) reveal(here());
  }

  function fill(screen) {
    takeHome.innerHTML = home ? `<p><b>To take home.</b> ${screen.sentence}</p>` : "";
    note.replaceChildren(...noteOf(screen));
    place.textContent = where();
    const { moves = [], sentence } = screen, next = moves[moved];
    buttons.previous.disabled = at === 0;
    buttons.next.disabled = at === sequence.screens.length - 1;
    buttons.move.hidden = !moves.length;
    buttons.move.innerHTML = `${key("M")} ${next ? wordsOf(screen, next) : "all moves made"}`;
    buttons.home.hidden = !sentence;
    buttons.home.setAttribute("aria-pressed", String(home));
  }

  /** Where in the sequence a screen is. */
  function where() {
    const { screens, lecture } = sequence, minutes = screens.map((screen) => screen.minutes ?? 0);
    if (!lecture) return "";
    const sum = (to) => minutes.slice(0, to).reduce((all, more) => all + more, 0);
    const step = here().explorer ? `Step ${at} of ${screens.length - 2}` : at ? "The end" : "Opening";
    return `${step} · minutes ${sum(at)} to ${sum(at + 1)} of ${sum()}`;
  }

  /** What a move changes, with the names of the controls, once they are known. */
  function wordsOf({ explorer }, values) {
    const row = (name) => figures[explorer]?.querySelector(`.d2l-control[data-key="${name}"] label`)?.innerHTML;
    const one = ([name, value]) => (name === "preset" ? `“${value}”` : `${row(name) ?? name} = ${value}`);
    return Object.entries(values).map(one).join(", ");
  }

  function noteOf({ title, note: words, answers = [], moves = [], sentence, text }) {
    const list = (items) => make("ul", {}, ...items.map((item) => worded("li", item)));
    if (!words) return [worded("p", text ?? "No note.")];
    const all = moves.map((values) => wordsOf(here(), values)).join("; then ");
    return [
      worded("h2", title), worded("p", words), worded("h3", "Expect"), list(answers),
      worded("p", `<b>Moves</b> ${all}.`), worded("p", `<b>Take home</b> ${sentence}`),
    ];
  }

  // ---- the menu

  const menu = make("dialog", { class: "stage-menu", "aria-labelledby": "stage-menu-title" });
  stage.append(menu);

  function openMenu() {
    const choose = (then) => () => (menu.close(), then());
    const stepOf = (lecture, { title, name }, place) =>
      make("li", {}, button(title ?? (place ? "The end" : "Opening"), choose(() => begin(lecture.key, place)), sequence.lecture === lecture && place === at ? { "aria-current": "step" } : {}));
    const oneOf = (lecture) => make("section", {}, worded("h3", lecture.title), make("ol", {}, ...screenOf(lecture).map((screen, place) => stepOf(lecture, screen, place))));
    const one = (name) => make("li", {}, button(name, choose(() => single(name, {}))));
    const keys = KEYS_TOLD.map(([letters, words]) => make("li", {}, worded("span", letters.map(key).join(" ")), ` ${words}`));
    menu.replaceChildren(
      make("h2", { id: "stage-menu-title" }, "Menu"), button("Close", () => menu.close(), { class: "stage-close" }),
      make("div", { class: "stage-columns" }, ...lectures.map(oneOf),
        make("section", {}, make("h3", {}, "One explorer"), make("ul", {}, ...explorers.map(one))),
        make("section", {}, make("h3", {}, "Keys"), make("ul", { class: "stage-keys" }, ...keys))),
    );
    menu.showModal();
  }

  // ---- keys

  const fullScreen = () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
  const KEYS_TOLD = [
    [["Space", "PageDown", "→"], "on: the next move, what to take home, the next screen"],
    [["PageUp", "←"], "back"],
    [["N", "P"], "next and previous screen"],
    [["M"], "the next move"],
    [["T"], "what to take home"],
    [["S"], "note for the speaker"],
    [["C"], "all controls"],
    [["F"], "full screen"],
    [["L"], "this menu"],
    [["Home", "End"], "first and last screen"],
    [["Esc"], "leave a slider, a note"],
  ];
  const ALWAYS = {
    n: () => leap(1), p: () => leap(-1), m: move, t: () => showHome(!home), s: () => (note.hidden = !note.hidden),
    c: unfold, f: fullScreen, l: openMenu,
  };
  const FREE = { " ": on, PageDown: on, ArrowRight: on, PageUp: back, ArrowLeft: back, Home: () => go(0), End: () => go(sequence.screens.length - 1) };

  let taken = null; // what was last taken by mouse: its keys are its own, but not yet those of a clicker
  document.addEventListener("pointerdown", ({ target }) => (taken = target), true);

  /** Whether a key belongs to what has the focus. */
  function isTaken(target, pressed) {
    if (target.closest("button, a, summary")) return pressed === " ";
    if (!target.closest("input, select, [role=slider], .stage-note")) return false;
    return target !== taken || !pressed.startsWith("Page");
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || menu.open) return;
    if (event.key === "Escape") return leave();
    const free = FREE[event.key], press = ALWAYS[event.key.toLowerCase()] ?? (free && !isTaken(event.target, event.key) && free);
    if (!press) return (taken = null);
    event.preventDefault();
    event.stopPropagation(); // else a slider that has the focus would move, too
    press();
  }, true);

  function leave() {
    note.hidden = true;
    question.focus({ preventScroll: true });
  }

  // ---- addresses: ?lecture=hour&step=4, or ?show=gradient_flow&preset=exploding&T=500

  function writeAddress() {
    const { lecture, screens } = sequence;
    if (!lecture) return;
    const step = at === screens.length - 1 ? "&step=end" : at ? `&step=${at}` : "";
    history.replaceState(null, "", `?lecture=${lecture.key}${step}`);
  }

  function open(screens, title, lecture, place) {
    sequence = { screens, title, lecture };
    delete stage.dataset.ready;
    return go(place);
  }

  function begin(name, place = 0) {
    const lecture = lectures.find((one) => one.key === name);
    return open(screenOf(lecture), lecture.title, lecture, place);
  }

  const single = (name, texts) => open([{ explorer: name, texts, title: name }], name, null, 0);

  /** Return what an address has wrong, in a sentence, or nothing. */
  function wrongIn({ lecture = lectures[0].key, step, show: name, ...rest }) {
    if (name !== undefined) return explorers.includes(name) ? "" : `There is no explorer ${named(name)}, only ${listed(explorers)}.`;
    const known = lectures.find(({ key: one }) => one === lecture);
    if (!known) return `There is no lecture ${named(lecture)}, only ${listed(lectures.map((one) => one.key))}.`;
    if (step !== undefined && placeOf(known, step) === undefined) return `There is no step ${named(step)}, only 1 to ${known.steps.length} and end.`;
    const [other] = Object.keys(rest);
    return other !== undefined ? `The address has ${named(other)}, but only show goes with settings; lecture goes with step.` : "";
  }

  function placeOf(lecture, step) {
    if (step === "end") return lecture.steps.length + 1;
    const place = Number(step);
    return /^\d+$/.test(step) && place >= 1 && place <= lecture.steps.length ? place : undefined;
  }

  function start() {
    const pairs = [...new URLSearchParams(location.search)], names = pairs.map(([name]) => name), asked = Object.fromEntries(pairs);
    const twice = names.find((name, place) => names.indexOf(name) < place);
    const wrong = twice === undefined ? wrongIn(asked) : `The address has ${named(twice)} twice.`;
    const { lecture = lectures[0].key, step, show: name, ...texts } = asked;
    if (name !== undefined && !wrong) return single(name, texts);
    const known = lectures.find(({ key: one }) => one === lecture) ?? lectures[0];
    begin(known.key, wrong || step === undefined ? 0 : placeOf(known, step));
    if (wrong) told.textContent = wrong;
  }

  start();
})();
