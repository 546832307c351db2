// Keeps a page up to date. Pages say all without it: it only loads the page again and changes what is different.
import { Idiomorph } from "./vendor/idiomorph.esm.js";

const LEAST_PAUSE_MS = 250;
const main = document.getElementById("main");
document.documentElement.classList.add("has-scripts");

/** Load this page again and change what differs, without losing the place, what is typed and what is open. */
let loading = false;
let again = false;
let lastAt = 0;
let tookMs = 0;
export async function refresh() {
  if (loading) {
    again = true;
    return;
  }
  loading = true;
  const pause = lastAt + Math.max(LEAST_PAUSE_MS, 3 * tookMs) - performance.now();
  if (pause > 0) await new Promise((done) => setTimeout(done, pause));
  const began = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") {
      location.reload();
      return;
    }
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      Idiomorph.morph(main, page.getElementById("main").childNodes, {
        morphStyle: "innerHTML",
        ignoreActiveValue: true,
        callbacks: { beforeNodeMorphed: keeps, beforeNodeRemoved: (node) => node.dataset?.keep === undefined },
      });
      main.dataset.version = page.getElementById("main").dataset.version;
      document.title = page.title;
      dress(main);
      main.dispatchEvent(new CustomEvent("refreshed"));
    }
  } catch (error) {
    if (!(error instanceof TypeError) || !/fetch/i.test(error.message)) console.error(error);
    // The server is away; the stream says when it is back.
  } finally {
    lastAt = performance.now();
    tookMs = lastAt - began; // what takes long is done the less often
    loading = false;
    if (again) {
      again = false;
      refresh();
    }
  }
}

function keeps(old, fresh) {
  if (old.nodeType !== 1) return true;
  if (old.dataset.keep !== undefined) {
    Object.assign(old.dataset, fresh.dataset); // its script looks after it, and is told by these what is new
    return false;
  }
  if (old.tagName === "DETAILS" && fresh.tagName === "DETAILS") fresh.open = old.open;
  if (["INPUT", "TEXTAREA", "SELECT"].includes(old.tagName) && old.type !== "hidden" && old.form?.dataset.kept !== undefined) return false;
  return true;
}

/** Times in the place of whoever looks, and what only scripts can do. */
function dress(part) {
  for (const element of part.querySelectorAll("[data-needs-scripts]")) element.hidden = false;
  for (const time of part.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    const language = document.documentElement.lang;
    time.title = moment.toLocaleString(language);
    // Beside another one there is no room for how long until then: the clock's time, and the day where it is another.
    if (time.dataset.clock === undefined) continue;
    const isToday = moment.toDateString() === new Date().toDateString();
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(time.dataset.clock === "seconds" ? { second: "2-digit" } : {}) };
    time.textContent = moment.toLocaleString(language, isToday ? clock : { month: "short", day: "numeric", ...clock });
  }
}

document.addEventListener("change", (event) => {
  if (event.target.dataset.submits !== undefined) event.target.form.requestSubmit();
});
document.addEventListener("submit", (event) => {
  const asks = event.submitter?.dataset.asks || event.target.dataset.asks;
  if (asks && !confirm(asks)) event.preventDefault();
  const waits = event.target.dataset.waits;
  if (waits && !event.defaultPrevented) {
    document.getElementById("said").textContent = waits;
    if (event.submitter) setTimeout(() => { event.submitter.disabled = true; });
  }
});

/** A stream that comes back by itself; the browser's own way gives up on some errors. A page that nobody sees holds none: browsers
 * open only six connections to a server. Gives what ends it for good. */
export function follow(address, listeners) {
  let source;
  let pauseMs = 500;
  let isOver = false;
  const open = () => {
    if (isOver || document.hidden || source) return;
    const own = (source = new EventSource(address));
    own.onopen = () => { pauseMs = 500; listeners.open?.(); };
    own.onerror = () => {
      if (own.readyState === EventSource.CLOSED && source === own) {
        source = undefined;
        setTimeout(open, pauseMs);
        pauseMs = Math.min(pauseMs * 2, 10000);
      }
    };
    for (const [kind, listener] of Object.entries({ end: () => {}, ...listeners })) {
      if (kind === "open") continue;
      own.addEventListener(kind, (event) => {
        if (kind === "end") stop();
        listener(JSON.parse(event.data));
      });
    }
  };
  const close = () => { source?.close(); source = undefined; };
  const stop = () => { isOver = true; close(); };
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  open();
  return stop;
}

// A page that comes out of the browser's own memory is as old as when it was left.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

const topics = new Set((main.dataset.topics || "").split(" ").filter(Boolean));
const key = main.dataset.key;
if (topics.size) {
  follow(`/api/v1/events${topics.has("machine") ? "?machine=true" : ""}`, {
    version: (version) => { if (String(version) !== main.dataset.version) refresh(); },
    news: (changes) => {
      if (changes.some(([topic, of]) => topic === "all" || (topics.has(topic) && (!key || !of || key === of)))) refresh();
    },
  });
}
dress(document);

// Where there is not room for all, what matters is seen first: the middle of a graph, and where one is in the navigation.
for (const box of document.querySelectorAll(".drawn[data-middle]")) box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
const current = document.querySelector(".rail li a[aria-current]");
if (current) {
  const list = current.closest("ul");
  list.scrollLeft = current.offsetLeft - list.offsetLeft - (list.clientWidth - current.clientWidth) / 2;
}

// The address that the server prints at its first start carries the token behind "#", which browsers send nowhere.
const form = document.getElementById("sign-in");
if (form && location.hash.startsWith("#token=")) {
  form.elements.token.value = decodeURIComponent(location.hash.slice(7));
  history.replaceState(null, "", location.pathname + location.search);
  // Who is signed in is asked: a link from elsewhere must not make them somebody else without their noticing.
  if (!document.querySelector("meta[name=csrf]")) form.requestSubmit();
}
