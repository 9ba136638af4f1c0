"use strict";

// Leaves in `data-audit` what is wrong with the page: fields and buttons without a name, ids that stand twice,
// and text that is too pale for its background (WCAG 2.1 AA: 4.5 to 1).

const wrong = [];

for (const field of document.querySelectorAll("input, select, button, [role=img], [role=region], [role=group][aria-label]")) {
  const name = field.getAttribute("aria-label") || field.labels?.[0]?.textContent || field.textContent;
  if (!name.trim()) wrong.push(`no name: ${field.outerHTML.slice(0, 80)}`);
}

const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
for (const id of ids.filter((each, index) => ids.indexOf(each) !== index)) wrong.push(`twice: ${id}`);

const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
const luminance = (colour) => {
  const channel = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const [red, green, blue] = numbers(colour).map(channel);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

function background(element) {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if ((numbers(colour)[3] ?? 1) > 0) return colour;
  }
  return "rgb(255, 255, 255)";
}

for (const element of document.querySelectorAll("body *")) {
  const texts = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (!texts || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const front = element instanceof SVGElement ? style.fill : style.color;
  const [one, other] = [luminance(front), luminance(background(element))].sort((a, b) => b - a);
  const ratio = (one + 0.05) / (other + 0.05);
  if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${element.outerHTML.slice(0, 80)}`);
}

document.body.dataset.audit = wrong.join("\n");
