// Explorers on a page without a kernel: `front_end.table` computed their answers beforehand.
//
// This and front_end.js are one classic script, in one closure, because pages that are opened from a folder may neither
// import nor fetch. For the same reason each file of data is a script too, which hands over what it brings.

const LOST = "This part of the data could not be loaded, so the picture stays as it was.";
const SLOW = 300; // ms without an answer after which we say that it is on its way

/**
 * A source of answers that were computed beforehand.
 *
 * `load(key)` promises a chunk. Beside what every source has it offers `place()`, the scene and where the leads stand,
 * `nearby()`, the keys of all chunks of this arrangement, the nearest first, and `bring(key)`, which keeps one at hand.
 */
export function fromTable(head, load) {
  const { leads: [main, ...others], scenes, presets } = head, chunks = {}, listeners = new Set();
  const start = { scene: 0, at: head.start, preset: 0, narrow: false };
  let wanted = start, shown = start, state, number, asked = 0;
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
    chunks[key] ??= await load(key);
  }

  async function show(place) {
    const mine = ++asked;
    wanted = place;
    const slow = setTimeout(() => mine === asked && tell({ done: 0, of: 1 }), SLOW);
    try {
      if (!find(place)) await bring(keyAt(place));
    } catch {
      if (mine === asked) {
        wanted = shown;
        tell({ lost: LOST });
      }
      return false;
    } finally {
      clearTimeout(slow);
    }
    if (mine !== asked) return true; // somebody wants to see something else by now
    [shown, state] = [place, find(place)];
    tell();
    return true;
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
    fonts() {}, // the page brings them along
    listen(heard) {
      listeners.add(heard);
      return () => listeners.delete(heard);
    },
    place: () => shown,
    bring,
    nearby() {
      const here = Number(keyAt(shown).split("-")[1]);
      const far = ([scene, row]) => (scene === shown.scene ? Math.abs(row - here) : 1000 + scene);
      const all = scenes.flatMap(({ rows }, scene) => rows.map((_, row) => [scene, row]));
      return all.sort((a, b) => far(a) - far(b)).map(([scene, row]) => keyOf(scene, row, shown.narrow));
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
