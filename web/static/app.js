// hiji in the browser. Everything works without it; it makes things quicker and quieter.
// The theme is set before the first paint, so this file is loaded without `defer`; the rest waits for the page.
"use strict";

(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    const chosen = root.dataset.theme;
    root.dataset.bsTheme = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
  };
  root.classList.add("js");
  paint();
  dark.addEventListener("change", paint);

  // A form is sent once: its buttons sleep until the next page, or until an answer of htmx.
  const sleep = (form, asleep) => {
    // Also those that stand outside it and name it.
    for (const button of form.elements) {
      if (button.type === "submit") button.disabled = asleep || button.hasAttribute("data-asleep");
    }
  };
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented && !event.target.matches("[hx-post]")) return;
    // After this turn: a disabled button's own name and value would not be sent.
    setTimeout(() => sleep(event.target, true));
  });
  // A sale's print opens beside it: a new tab may only be opened by the press of a button, so it opens now and waits
  // there for the batch, while the form goes through in this tab. Without JavaScript the form itself goes to a new tab.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    const form = event.target;
    if (!button?.dataset.opens || event.defaultPrevented) return;
    const id = form.elements.form_id?.value;
    if (!id || !window.open(button.dataset.opens + id, "_blank")) return;
    button.removeAttribute("formtarget");
    button.removeAttribute("formaction");
  });
  // When the form comes back refused, the tab that waits for its batch closes itself.
  const sales = "BroadcastChannel" in window ? new BroadcastChannel("hiji-sales") : null;
  document.addEventListener("DOMContentLoaded", () => {
    const refused = document.querySelector("[data-sale-refused]");
    if (refused) sales?.postMessage(refused.dataset.saleRefused);
  });
  sales?.addEventListener("message", (event) => {
    if (document.querySelector(`[data-sale="${CSS.escape(event.data)}"]`)) window.close();
  });
  // A part that is fetched brings the words for browsers without scripts as elements: Enter would press their buttons.
  document.addEventListener("htmx:after:swap", () => document.querySelectorAll("noscript").forEach((part) => part.remove()));
  document.addEventListener("htmx:finally:request", (event) => {
    const form = event.target.closest?.("form");
    if (form) sleep(form, false);
  });
  // A page that comes back by the back button must not come back asleep.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form").forEach((form) => sleep(form, false));
  });

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const source = document.querySelector(copy.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch {
        // Plain http has no clipboard: select the text, so that a long press or Ctrl-C does it.
        getSelection().selectAllChildren(source);
        document.execCommand?.("copy");
      }
      copy.classList.add("copied");
      copy.setAttribute("aria-label", copy.dataset.copied);
      copy.querySelector("use")?.setAttribute("href", copy.dataset.copiedIcon);
      return;
    }
    const gps = event.target.closest("[data-gps]");
    if (gps) {
      const field = document.querySelector(gps.dataset.gps);
      gps.disabled = true;
      // Browsers tell the place only over https or on this machine.
      const failed = () => {
        gps.disabled = false;
        field.placeholder = gps.dataset.gpsFailed;
      };
      if (!navigator.geolocation) return failed();
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => {
          gps.disabled = false;
          field.value = `${coords.latitude.toFixed(6)},${coords.longitude.toFixed(6)}`;
        },
        failed,
        { enableHighAccuracy: true, timeout: 15_000 },
      );
      return;
    }
    // Back from an error: what was typed is still there in the browser's own history.
    const back = event.target.closest("[data-back]");
    if (back && history.length > 1 && document.referrer.startsWith(`${location.origin}/`)) {
      event.preventDefault();
      history.back();
      return;
    }
    if (event.target.closest("[data-print]")) {
      window.print();
      return;
    }
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      }
    }
    // `/` goes to the search field, as in every list people use all day.
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const search = document.querySelector("input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
  });

  // At the counter a digit goes to its package; Enter sells it.
  document.addEventListener("keydown", (event) => {
    if (!/^[1-9]$/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    const button = document.querySelector(`form[data-keys] [data-key="${event.key}"]`);
    if (!button) return;
    event.preventDefault();
    button.focus();
  });

  // Amounts get their dots between thousands while they are typed; the cursor stays at its digit.
  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ".");
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.matches?.("input[data-amount]") || /[^\d. ]/.test(field.value)) return;
    const digits = (text) => text.replace(/\D/g, "");
    let after = digits(field.value.slice(field.selectionEnd)).length;
    field.value = grouped(digits(field.value));
    let at = field.value.length;
    while (after > 0 && at > 0) if (/\d/.test(field.value[--at])) after -= 1;
    field.setSelectionRange(at, at);
  });

  // On a phone the tab that is open may stand beyond the edge.
  document.addEventListener("DOMContentLoaded", () => {
    for (const tab of document.querySelectorAll(".tabs [aria-current]")) tab.scrollIntoView({ block: "nearest", inline: "center" });
    document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest" });
  });

  // On a phone the filters that were chosen fold away: what they found stands first.
  document.addEventListener("DOMContentLoaded", () => {
    const filters = document.querySelector("details.filter-more[open]");
    if (!filters || filters.querySelector(".is-invalid")) return;
    filters.open = !matchMedia("(max-width: 575.98px)").matches;
  });

  // An amount that was proposed is typed over, not behind.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("input[data-amount]")) setTimeout(() => event.target.select());
  });

  // Enter takes the only one that was found.
  document.addEventListener("submit", (event) => {
    const found = event.target.dataset.picks && document.querySelector(event.target.dataset.picks);
    const links = found?.dataset.q === event.target.elements.q?.value.trim() ? found?.querySelectorAll(".main-link") : [];
    if (links?.length !== 1) return;
    event.preventDefault();
    links[0].click();
  });

  // A list's filter is sent as soon as something else is chosen.
  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
  });

  // Live parts: an element with data-live="dashboard batch-12" fetches itself again (hx-get, hx-trigger="live") when
  // one of its topics changes. One stream a page, which begins with what changed since the page was made (its mark);
  // after a pause everything is fetched once, because changes were missed.
  const LIVE_PAUSE_MS = 300;
  let stream = null;
  let listening = "";
  let lost = false;
  const due = new Set();
  let timer = 0;
  let fetched = 0;
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const topicsOf = (part) => part.dataset.live.split(/\s+/).filter(Boolean);
  const refresh = (wanted) => {
    parts().filter(wanted).forEach((part) => due.add(part));
    if (timer || document.hidden) return;
    // At once after a quiet moment, otherwise when the pause is over.
    timer = setTimeout(() => {
      timer = 0;
      fetched = Date.now();
      for (const part of due) if (part.isConnected) window.htmx?.trigger(part, "live");
      due.clear();
    }, Math.max(0, fetched + LIVE_PAUSE_MS - Date.now()));
  };
  const listen = () => {
    const topics = [...new Set(parts().flatMap(topicsOf))].sort();
    const query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join("&");
    if (query === listening) return;
    stream?.close();
    stream = null;
    listening = query;
    if (!query) return;
    stream = new EventSource(`/live?${query}&since=${encodeURIComponent(root.dataset.liveMark ?? "")}`);
    stream.addEventListener("open", () => {
      if (lost) refresh(() => true);
      lost = false;
      document.getElementById("offline")?.setAttribute("hidden", "");
    });
    stream.addEventListener("change", (event) => refresh((part) => topicsOf(part).includes(event.data)));
    stream.addEventListener("refresh", () => refresh(() => true));
    stream.addEventListener("error", () => {
      lost = true;
      if (stream.readyState === EventSource.CLOSED) {
        // Refused: signed out, or no seat. Try again later with a fresh stream.
        listening = "";
        setTimeout(listen, 10_000);
      }
      setTimeout(() => {
        if (lost) document.getElementById("offline")?.removeAttribute("hidden");
      }, 5_000);
    });
  };
  document.addEventListener("DOMContentLoaded", listen);
  // A dialog that was refused comes back open.
  document.addEventListener("DOMContentLoaded", () => document.querySelector("[data-open]")?.showPopover?.());
  // A form that comes back is mended at its first fault.
  document.addEventListener("DOMContentLoaded", () => document.querySelector("main .is-invalid")?.focus());
  // What is typed anew is no fault any more, until it is sent again.
  document.addEventListener("input", ({ target }) => {
    if (!target.matches?.(".is-invalid")) return;
    target.classList.remove("is-invalid");
    target.removeAttribute("aria-invalid");
    const fault = document.getElementById(`${target.name}-error`) ?? target.parentElement.querySelector(":scope > .invalid-feedback");
    fault?.remove();
    const form = target.form;
    if (form && !form.querySelector(".is-invalid")) form.querySelector("[data-faults]")?.remove();
  });
  document.addEventListener("htmx:after:swap", listen);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && (due.size || lost)) refresh(() => lost);
  });

  // Countdowns: <time data-countdown="end" data-now="the server's time when it wrote this">. The device's own clock only
  // measures how long ago that was: a phone whose clock is wrong counts right.
  const SOON_SECS = 3600;
  const seen = new Map();
  const two = (number) => String(number).padStart(2, "0");
  const count = () => {
    for (const time of document.querySelectorAll("[data-countdown]")) {
      const { countdown, now, day } = time.dataset;
      if (!seen.has(now)) seen.set(now, performance.now());
      const written = Date.parse(now) + performance.now() - seen.get(now);
      const left = Math.max(0, Math.floor((Date.parse(countdown) - written) / 1000));
      const days = Math.floor(left / 86400);
      const clock = `${two(Math.floor(left / 3600) % 24)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
      const text = days > 0 ? `${days} ${day} ${clock}` : clock;
      if (time.textContent !== text) time.textContent = text;
      time.classList.toggle("soon", left > 0 && left <= SOON_SECS);
      time.classList.toggle("over", left === 0);
    }
    for (const now of seen.keys()) {
      if (seen.size > 4 && !document.querySelector(`[data-now="${now}"]`)) seen.delete(now);
    }
  };
  document.addEventListener("DOMContentLoaded", () => {
    count();
    setInterval(count, 1000);
  });
  document.addEventListener("htmx:after:swap", count);
})();
