// The page of a run: its graph follows the states, a step's log grows and can be looked through.
import { follow, refresh } from "./live.js";

const main = document.getElementById("main");
const STATE = /^is-(pending|ready|running|waiting|succeeded|failed|cancelled|skipped)$/;

/** Give an element of the graph the class, sign and label of a state. */
function wear(element, told) {
  for (const name of [...element.classList]) if (STATE.test(name)) element.classList.remove(name);
  element.classList.add(`is-${told.state}`);
  const sign = element.querySelector(":scope > .sign, :scope > g > .sign, :scope > a > .sign");
  if (sign) sign.setAttribute("href", sign.getAttribute("href").replace(/-[a-z]+$/, `-${told.state}`));
  if (told.label) {
    // What it comes after stands behind the state, and stays.
    const rest = (element.getAttribute("aria-label") || "").match(/, (after|在).*$/);
    element.setAttribute("aria-label", told.label + (rest ? rest[0] : ""));
  }
  const caption = element.querySelector(":scope > .caption, :scope > g > .caption");
  if (caption && told.caption !== undefined) caption.textContent = told.caption;
}

function wearGroup(element, told) {
  wear(element, told);
  element.classList.toggle("has-failed", told.failed > 0);
  for (const [state, [from, width]] of Object.entries(told.bar)) {
    const part = element.querySelector(`:scope > svg > .part.is-${state}`);
    if (!part) continue;
    part.setAttribute("x", `${from}%`);
    part.setAttribute("width", `${width}%`);
  }
}

let asking = false;
let askAgain = false;
async function askStates() {
  if (!main.dataset.states) return refresh();
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  const began = performance.now();
  try {
    const answer = await fetch(main.dataset.states);
    if (!answer.ok) return;
    const told = await answer.json();
    for (const element of main.querySelectorAll("#graph [data-group]")) {
      const own = told.groups[element.dataset.group];
      if (own) wearGroup(element, own);
    }
    for (const element of main.querySelectorAll("#graph [data-step]:not([data-group])")) {
      const own = told.steps[element.dataset.step];
      if (own) wear(element, own);
    }
  } catch {
    // The server is away; the stream says when it is back.
  } finally {
    // A graph of very many takes the server long; it is asked the less often.
    const pause = Math.max(100, 3 * (performance.now() - began));
    setTimeout(() => {
      asking = false;
      if (askAgain) {
        askAgain = false;
        askStates();
      }
    }, pause);
  }
}

const WHOLE_PAUSE_MS = 2000;
let created = 0;
let lastWhole = performance.now();
let late;
function loadWhole() {
  clearTimeout(late);
  late = undefined;
  lastWhole = performance.now();
  refresh();
}

const opened = new URLSearchParams(location.search).get("step");
let openedState;
/** Whether the step that is shown beside the graph is in another state than before. */
function isOpenedChanged(view) {
  const before = openedState;
  openedState = view.states.find(([step]) => String(step) === opened)?.[1] ?? before;
  return openedState !== before;
}

function showStates(view) {
  for (const [step, state] of view.states) {
    for (const element of main.querySelectorAll(`#graph [data-step="${step}"]:not([data-group])`)) wear(element, { state });
  }
  const isGrown = view.created !== created;
  created = view.created;
  // The head of the page (counts, times, what is left), an open step and new steps come with the whole page.
  const pause = lastWhole + WHOLE_PAUSE_MS - performance.now();
  if (isOpenedChanged(view) || isGrown || view.is_final || pause <= 0 || !main.dataset.states) {
    loadWhole();
  } else {
    askStates();
    // It comes a moment later also where nothing changes any more.
    late ??= setTimeout(loadWhole, pause);
  }
}

if (main.dataset.run) {
  follow(`/api/v1/runs/${encodeURIComponent(main.dataset.run)}/events`, { states: showStates, end: () => refresh() });
}

/* The log of a step. */
const LONGEST = 2_000_000;
let stopLog;
let followed;
function followLog() {
  const pre = main.querySelector("pre[data-log]");
  if (!pre) return;
  // A step that is tried again has another log.
  if (followed === pre && pre.dataset.following === pre.dataset.log) return;
  followed = pre;
  pre.dataset.following = pre.dataset.log;
  stopLog?.();
  let isFresh = true;
  let text = "";
  const box = document.getElementById("find-log");
  const show = () => {
    const isAtEnd = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 8;
    const words = box ? box.value.toLowerCase() : "";
    if (!words) {
      pre.textContent = text;
    } else {
      pre.replaceChildren();
      for (const line of text.split("\n")) {
        let rest = line;
        if (!rest.toLowerCase().includes(words)) continue;
        for (let at; (at = rest.toLowerCase().indexOf(words)) >= 0; rest = rest.slice(at + words.length)) {
          const mark = document.createElement("mark");
          mark.textContent = rest.slice(at, at + words.length);
          pre.append(rest.slice(0, at), mark);
        }
        pre.append(rest, "\n");
      }
    }
    if (isAtEnd) pre.scrollTop = pre.scrollHeight;
  };
  if (box) box.oninput = show;
  stopLog = follow(pre.dataset.log, {
    open: () => { isFresh = true; },
    log: (chunk) => {
      text = isFresh ? chunk.text : text + chunk.text;
      isFresh = false;
      if (text.length > LONGEST) text = text.slice(-LONGEST / 2);
      show();
    },
    end: () => {},
  });
}
followLog();
main.addEventListener("refreshed", followLog);
