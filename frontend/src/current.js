// Where people are, in the tabs and in the menu, is scrolled into view: the page itself stays.
export function showCurrent() {
  for (const each of document.querySelectorAll('.tabs [aria-current="page"], .side [aria-current="page"]')) {
    const box = each.closest(".tabs, .side");
    const [place, frame] = [each.getBoundingClientRect(), box.getBoundingClientRect()];
    if (place.right > frame.right || place.left < frame.left) {
      box.scrollLeft += place.left - frame.left - (frame.width - place.width) / 2;
    }
    if (place.bottom > frame.bottom || place.top < frame.top) {
      box.scrollTop += place.top - frame.top - (frame.height - place.height) / 2;
    }
  }
}
