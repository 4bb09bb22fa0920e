// What somebody who does not see the page, or not well, would stumble over: a list of sentences, empty when all is well.
() => {
  const problems = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const name = (element) => `<${element.tagName.toLowerCase()}> "${(element.innerText || element.id || element.name || "").slice(0, 40)}"`;
  const refuse = (bad, what, element) => { if (bad) problems.push(element ? `${what}: ${name(element)}` : what); };

  refuse(!document.documentElement.lang, "the page does not say its language");
  refuse(!document.title.trim(), "the page has no title");
  refuse(all("main").length !== 1, "not exactly one main part");

  const headings = all("h1, h2, h3, h4, h5, h6").map((heading) => [Number(heading.tagName[1]), heading]);
  refuse(headings.filter(([level]) => level === 1).length !== 1, "not exactly one heading of the first level");
  headings.forEach(([level, heading], index) => {
    refuse(level > (index ? headings[index - 1][0] : 0) + 1, "a level of headings is left out", heading);
  });

  all("img").forEach((image) => refuse(!image.hasAttribute("alt"), "no alternative text", image));
  all("input:not([type=hidden]), select, textarea").forEach((control) => {
    refuse(!control.labels?.length && !control.ariaLabel, "no label", control);
  });
  all("a[href], button, summary").forEach((control) => {
    const words = control.innerText.trim() || control.ariaLabel || control.querySelector("img[alt]")?.alt;
    refuse(control.checkVisibility() && !words, "no name", control);
  });
  all("[aria-describedby], [aria-labelledby], [aria-controls]").forEach((element) => {
    const ids = ["aria-describedby", "aria-labelledby", "aria-controls"].flatMap((attribute) => (element.getAttribute(attribute) || "").split(/\s+/));
    ids.filter(Boolean).forEach((id) => refuse(!document.getElementById(id), `points to #${id}, which is not there`, element));
  });
  const ids = all("[id]").map((element) => element.id);
  ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => refuse(true, `#${id} is there twice`));
  all("[aria-invalid=true]").forEach((control) => {
    refuse(!control.hasAttribute("aria-describedby"), "is wrong, but does not say why", control);
  });
  all("td:not([data-label], .table__title, tfoot td, [colspan])").forEach((cell) => refuse(true, "a cell without its column's name", cell));

  // Contrast, by the formulas of WCAG 2.2: 4.5, or 3 for large text.
  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const [red, green, blue] = parts(colour).map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (seen.has(element) || !texts.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const [dark, bright] = [light(element.closest("svg") ? style.fill : style.color), light(behind(element))].sort((one, other) => one - other);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    refuse(ratio < wanted, `a contrast of ${ratio.toFixed(2)}`, element);
  }
  return problems;
}
