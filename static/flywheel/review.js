// The review desk with a keyboard: 1-9 choose among what is shown (a checkbox is turned over), typing in the search
// field narrows it, Enter saves, Backspace takes back, s skips, r reports, ? lists the keys.
// Everything works without this file; it only adds to what the server sent.
"use strict";

(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const shown = (form) => all("[data-choice]", form).filter((choice) => !choice.hidden);

  let found = []; // what the search field last matched

  function choose(choice) {
    const input = choice?.querySelector("input");
    if (!input) return;
    input.checked = input.type === "radio" || !input.checked;
    input.focus();
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // Each form has its own numbers; those of the form one is in count.
  function number() {
    all("[data-key]").forEach((key) => { key.hidden = true; });
    all("form[data-keys]").forEach((form) => shown(form).slice(0, 9).forEach((choice, index) => {
      const key = one("[data-key]", choice);
      if (key) { key.textContent = index + 1; key.hidden = false; }
    }));
  }

  // By title and code; only if none has the words, by description too.
  function narrow(words) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text) => wanted.every((word) => text.toLowerCase().includes(word));
    const choices = all("#codes [data-choice]");
    const byName = choices.filter((choice) => has(choice.dataset.choice));
    const kept = new Set(byName.length ? byName : choices.filter((choice) => has(choice.textContent)));
    // What is chosen stays in sight: it is what would be saved.
    choices.forEach((choice) => { choice.hidden = !kept.has(choice) && !one(":checked", choice); });
    found = [...kept];
    one("[data-filter-none]").hidden = kept.size > 0;
    number();
  }

  function open(aside) {
    all("[data-aside]").forEach((other) => { other.open = other === aside; });
    one("input[type=radio]", aside).focus();
    aside.scrollIntoView({ block: "end" });
  }

  function leave(element) {
    all("[data-aside][open]").forEach((aside) => { aside.open = false; });
    element.blur();
    one("[data-focus]")?.focus({ preventScroll: true });
  }

  // What a key does where nobody is typing. A held key does it once.
  function press(event) {
    const form = event.target.closest("form[data-keys]") || one("#label");
    const aside = one(`[data-aside="${CSS.escape(event.key)}"]`);
    if (event.key === "?") one("#help").showModal();
    else if (event.key === "/" && one("#find-code")) one("#find-code").focus();
    else if (event.key === "Backspace") one("[data-undo]")?.click();
    else if (/^[1-9]$/.test(event.key)) choose(shown(form)[event.key - 1]);
    else if (event.key === "Enter" && form) form.requestSubmit();
    else if (aside) open(aside);
    else return;
    event.preventDefault();
  }

  function prepare() {
    const filter = one("[data-filter]");
    if (filter) filter.hidden = all("#codes [data-choice]").length < 10;
    all("[data-hint], [data-help]").forEach((hint) => { hint.hidden = false; });
    all("[data-without-scripts]").forEach((button) => { button.hidden = true; });
    number();
  }

  // What was changed is compared while somebody looks at it.
  function compare(form) {
    if (form && one("[data-diff][open]", form)) htmx.trigger(one("#diff", form), "compare");
  }

  document.addEventListener("input", (event) => {
    if (event.target.id === "find-code") narrow(event.target.value);
    else compare(event.target.form);
  });

  document.addEventListener("toggle", (event) => {
    if (event.target.matches("[data-diff]")) compare(event.target.closest("form"));
  }, true); // toggling does not bubble

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (event.target.closest("[data-help]")) one("#help").showModal();
    if (opener) {
      event.preventDefault();
      open(one(`[data-aside="${CSS.escape(opener.dataset.opens)}"]`));
    }
  });

  document.addEventListener("keydown", (event) => {
    if (one("dialog[open]") || event.isComposing) return;
    const target = event.target;
    const typing = target.matches("input:not([type=radio], [type=checkbox]), textarea, select");
    if (event.key === "Escape") { leave(target); return; }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.form) {
      event.preventDefault();
      target.form.requestSubmit();
      return;
    }
    if (target.id === "find-code" && event.key === "Enter") {
      event.preventDefault(); // the first that matches is what was meant
      choose(found[0]);
      return;
    }
    if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && target.matches("a, button, summary")) return; // they know what to do
    press(event);
  });

  // The next item is there and its buttons work: read it from its top, by eye or by screen reader. Where something was
  // wrong that is read first.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id !== "desk") return;
    prepare();
    (one("#label-error") || one("[data-focus]"))?.focus({ preventScroll: true });
  });

  prepare();
})();
