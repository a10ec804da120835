import { textOf, wellFormed, type FilterGroup } from './filter.js';

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

export const urlFilters: FilterGroup = {
  /** Escapes what may not stand in a URL, and leaves what has a meaning there (`&`, `/`, `?`, …). */
  url_escape(value) {
    return encodeURI(wellFormed(textOf(this, value)))
      .replaceAll('%5B', '[')
      .replaceAll('%5D', ']');
  },
  /** Escapes everything that is not a plain character, so that the text is safe as one parameter. */
  url_param_escape(value) {
    return encodeURIComponent(wellFormed(textOf(this, value))).replace(/[!'()*]/g, percent);
  },
  /** Form encoding: a space is `+`. */
  url_encode(value) {
    return encodeURIComponent(wellFormed(textOf(this, value)))
      .replace(/[!'()]/g, percent)
      .replaceAll('%20', '+');
  },
};
