// The review desk with a keyboard: 1-9 choose among what is shown (a checkbox is turned over), typing in the search
// field narrows it.
// Everything works without this file; it only adds to what the server sent.
"use strict";

(() => {
  const shown = () => [...document.querySelectorAll("[data-choice]")].filter((choice) => !choice.hidden);

  let found = []; // what the search field last matched

  function choose(choice) {
    const input = choice?.querySelector("input");
    if (input) { input.checked = input.type === "radio" || !input.checked; input.focus(); }
  }

  function number() {
    document.querySelectorAll("[data-key]").forEach((key) => { key.hidden = true; });
    shown().slice(0, 9).forEach((choice, index) => {
      const key = choice.querySelector("[data-key]");
      key.textContent = index + 1;
      key.hidden = false;
    });
  }

  // By title and code; only if none has the words, by description too.
  function narrow(words) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text) => wanted.every((word) => text.toLowerCase().includes(word));
    const choices = [...document.querySelectorAll("[data-choice]")];
    const byName = choices.filter((choice) => has(choice.dataset.choice));
    const kept = new Set(byName.length ? byName : choices.filter((choice) => has(choice.textContent)));
    // What is chosen stays in sight: it is what would be saved.
    choices.forEach((choice) => { choice.hidden = !kept.has(choice) && !choice.querySelector(":checked"); });
    found = [...kept];
    document.querySelector("[data-filter-none]").hidden = kept.size > 0;
    number();
  }

  function prepare() {
    const filter = document.querySelector("[data-filter]");
    if (filter) filter.hidden = document.querySelectorAll("[data-choice]").length < 10;
    number();
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "find-code") narrow(event.target.value);
  });

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=radio], [type=checkbox]), textarea, select");
    if (event.target.id === "find-code" && event.key === "Enter") {
      event.preventDefault(); // the first that matches is what was meant
      choose(found[0]);
      return;
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.getElementById("find-code")) {
      event.preventDefault();
      document.getElementById("find-code").focus();
    } else if (/^[1-9]$/.test(event.key)) {
      choose(shown()[event.key - 1]);
    }
  });

  // The next example has been swapped in: read it from its top, by eye or by screen reader.
  document.addEventListener("htmx:afterSwap", () => {
    prepare();
    document.querySelector("[data-focus]")?.focus({ preventScroll: true });
  });

  prepare();
})();
