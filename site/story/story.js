// The story: the last step that has come to the middle of what is free of the screen decides what the figure shows, until
// the reader takes a slider; then the figure is the reader's until the next step begins.
//
// Without this script, or without players, the page is text with pictures.

(() => {
  const FRAMES = 9, GLIDE = 480; // pictures on the way from state to state, and ms for all of them
  const REST = 250; // ms in a step after which its address is written and the next player is made
  const FAR = 1e6; // pixels above the screen, further than any page is long
  const TAKING = ["pointerdown", "input", "change", "click"]; // what a reader does to a control

  const story = document.querySelector(".story"), players = window.d2lbptt?.players;
  if (!story || !players) return;
  const steps = [...story.querySelectorAll(".story-step")];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const button = (words, press, attributes = {}) => {
    const element = make("button", { type: "button", ...attributes }, words);
    element.addEventListener("click", press);
    return element;
  };
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

  // ---- what stands beside the text

  const figures = {}; // one for each explorer
  const place = make("span", { class: "story-place" });
  const back = button("Back to the step’s picture", () => show(current), { class: "story-back", hidden: "" });
  const more = button("All controls", unfold, { class: "story-more", "aria-expanded": "false" });
  const toText = button("To the text", () => current.focus(), { class: "story-totext" });
  const bar = make("div", { class: "story-bar" }, place, back, more, toText);
  const stage = make("aside", { class: "story-stage", "aria-label": "The picture of the step" }, bar);

  for (const step of steps) {
    const { name, set } = step.dataset;
    step.values = JSON.parse(set);
    step.tabIndex = -1;
    figures[name] ??= make("figure", { "data-name": name, "data-set": set, class: "d2l-player story-away" });
    figures[name].append(...(figures[name].firstChild ? [] : [step.querySelector("picture").cloneNode(true)]));
    addButtons(step);
  }
  stage.prepend(...Object.values(figures));
  story.querySelector(".story-body").prepend(stage);
  story.classList.add("story-live");
  document.querySelector("#pst-primary-sidebar")?.classList.add("pst-sidebar-hidden"); // the theme's button brings it back

  function addButtons(step) {
    const look = step.querySelector(".story-look");
    if (look) {
      const press = button("", () => show(step, JSON.parse(look.dataset.set)));
      press.append(...look.childNodes);
      look.replaceChildren(press);
    }
    const take = button("Take the slider", async () => {
      begin(step);
      await players.ready(figures[step.dataset.name]);
      figures[step.dataset.name].querySelector(".d2l-main input, .d2l-main select").focus();
    });
    step.querySelector(".story-ways").append(take);
  }

  function unfold() {
    const open = stage.classList.toggle("story-open");
    more.setAttribute("aria-expanded", String(open));
    more.textContent = open ? "Fewer controls" : "All controls";
    watch();
  }

  stage.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && stage.classList.contains("story-open")) unfold();
  });

  // ---- from state to state

  let current = null; // step
  let run = 0; // what is on its way counts only while it is the newest
  let gliding = false;
  const heard = new Set(); // figures
  let home = null; // what the player shows in the step's own state

  /** Show a step's state, or another one, in the step's figure. */
  async function show(step, values = step.values) {
    const mine = ++run, figure = figures[step.dataset.name];
    [gliding, home] = [true, null];
    reveal(step, figure);
    const player = await players.ready(figure).catch(giveUp);
    if (!player) return;
    listen(figure, player);
    for (const state of [...way(player, values), values]) {
      if (mine !== run) return;
      await Promise.all([player.reset(state), wait(calm.matches ? 0 : GLIDE / FRAMES)]);
    }
    if (mine !== run) return;
    gliding = false;
    if (values === step.values) home = player.values();
    offer(player);
  }

  /** Where players cannot be, the page is again text with pictures. */
  function giveUp() {
    watcher?.disconnect();
    stage.remove();
    story.classList.remove("story-live");
  }

  function reveal(step, figure) {
    for (const other of Object.values(figures)) other.classList.toggle("story-away", other !== figure);
    stage.style.cssText = step.style.cssText; // which part of a tall picture is shown
  }

  /** Return the states that lie between, where the main slider moves. */
  function way({ data, values }, goal) {
    const key = data.leads[0], from = values()[key], to = goal[key];
    if (calm.matches || typeof to !== "number") return [];
    const between = data.scenes[0].rows[0].values.filter((value) => (value - from) * (value - to) < 0);
    if (from > to) between.reverse();
    const stride = Math.ceil(between.length / FRAMES);
    return between.filter((_, i) => i % stride === 0).map((value) => ({ ...goal, [key]: value }));
  }

  const offer = (player) => (back.hidden = same(player.values(), home));

  function listen(figure, player) {
    if (heard.has(figure)) return;
    heard.add(figure);
    player.listen(() => gliding || figure !== figures[current.dataset.name] || offer(player));
    for (const kind of TAKING) figure.addEventListener(kind, taken, true);
  }

  /** Take the story's hand away: the figure is the reader's. */
  function taken({ isTrusted, target }) {
    if (!isTrusted || !target.closest("input, select, button, [data-touch]")) return;
    run++;
    gliding = false;
  }

  // ---- which step it is

  let resting;

  function begin(step) {
    if (step === current) return;
    const first = !current;
    current?.removeAttribute("aria-current");
    current = step;
    step.setAttribute("aria-current", "step");
    place.textContent = `${steps.indexOf(step) + 1} of ${steps.length}`;
    show(step);
    clearTimeout(resting);
    resting = setTimeout(() => rest(step, first), REST);
  }

  function rest(step, first) {
    if (!first) history.replaceState(null, "", `#${step.id}`);
    const next = steps[steps.indexOf(step) + 1];
    if (next) players.ready(figures[next.dataset.name]).catch(giveUp);
  }

  let watcher;

  /** The last step that has passed the middle of what is free counts: on a telephone the figure stands at the top. */
  function watch() {
    watcher?.disconnect();
    if (stage.classList.contains("story-open")) return; // it covers the text
    const beside = getComputedStyle(stage.parentElement).display === "grid";
    const covered = beside ? 0 : stage.offsetHeight;
    story.style.setProperty("--covered", `${Math.round(covered)}px`);
    const line = Math.round((innerHeight + covered) / 2);
    const begun = new Set(); // those that reach above the line
    watcher = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) begun[isIntersecting ? "add" : "delete"](target);
      begin(steps.findLast((step) => begun.has(step)) ?? steps[0]);
    }, { rootMargin: `${FAR}px 0px ${line - innerHeight}px 0px` });
    for (const step of steps) watcher.observe(step);
  }

  const asked = () => steps.find((step) => `#${step.id}` === location.hash);
  watch(); // first, because a step is scrolled to below what is covered
  begin(asked() ?? steps[0]);
  asked()?.scrollIntoView();
  new ResizeObserver(watch).observe(stage);
  addEventListener("resize", watch);

  // Paper shows the pictures that stand still; a telephone is spared them.
  const paper = () => innerWidth >= 960 && story.querySelectorAll("img").forEach((image) => (image.loading = "eager"));
  if (document.readyState === "complete") paper();
  else addEventListener("load", paper);
})();
