/** Countries (ISO 3166-1 alpha-2) and languages (ISO 639-1), mapped from what people send as well as can be. Pure. */
const COUNTRY_NAMES = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });
const LANGUAGE_NAMES = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const PAIRS = LETTERS.flatMap((a) => LETTERS.map((b) => a + b));
/** Codes that the display names know but ISO 3166-1 does not assign, or has withdrawn. */
const NOT_COUNTRIES = new Set(
  'AC AN BU CP CQ CS DD DG DY EA EU EZ FX HV IC NH NT PC QO RH SU TA TP UK UN VD WK XA XB YD YU ZR ZZ'.split(' '),
);
const ALSO: Readonly<Record<string, string>> = {
  usa: 'US',
  'united states of america': 'US',
  america: 'US',
  uk: 'GB',
  gbr: 'GB',
  'great britain': 'GB',
  england: 'GB',
  scotland: 'GB',
  wales: 'GB',
  korea: 'KR',
  kor: 'KR',
  'republic of korea': 'KR',
  'russian federation': 'RU',
  rus: 'RU',
  'viet nam': 'VN',
  vnm: 'VN',
  'czech republic': 'CZ',
  holland: 'NL',
  nld: 'NL',
  uae: 'AE',
  prc: 'CN',
  chn: 'CN',
  jpn: 'JP',
  deu: 'DE',
  fra: 'FR',
  esp: 'ES',
  ita: 'IT',
  can: 'CA',
  mex: 'MX',
  bra: 'BR',
  ind: 'IN',
  aus: 'AU',
  twn: 'TW',
  sgp: 'SG',
  'hong kong': 'HK',
  hkg: 'HK',
  macau: 'MO',
  burma: 'MM',
  myanmar: 'MM',
  turkey: 'TR',
  'ivory coast': 'CI',
  idn: 'ID',
  palestine: 'PS',
  swaziland: 'SZ',
  macedonia: 'MK',
  tha: 'TH',
  phl: 'PH',
  mys: 'MY',
  che: 'CH',
  swe: 'SE',
  pol: 'PL',
  prt: 'PT',
};

const countries = new Set<string>();
const countryByName = new Map<string, string>(Object.entries(ALSO));
for (const code of PAIRS) {
  const name = NOT_COUNTRIES.has(code) ? undefined : COUNTRY_NAMES.of(code);
  if (name === undefined) continue;
  countries.add(code);
  countryByName.set(name.toLowerCase(), code);
}

const languages = new Set<string>();
const languageByName = new Map<string, string>();
for (const pair of PAIRS) {
  const code = pair.toLowerCase();
  const name = LANGUAGE_NAMES.of(code);
  if (name === undefined) continue;
  languages.add(code);
  languageByName.set(name.toLowerCase(), code);
}

/** The alpha-2 code of a country given by code (any case) or English name; `null` when it is none that is known. */
export function toCountry(text: string): string | null {
  const code = text.trim().toUpperCase();
  if (countries.has(code)) return code;
  return countryByName.get(text.trim().toLowerCase()) ?? null;
}

/** The two-letter code of a language given by code, locale (`en-US`, `pt_BR`) or English name; `null` when unknown. */
export function toLanguage(text: string): string | null {
  const name = text.trim().toLowerCase();
  const code = /^([a-z]{2})(?:[-_][a-z0-9_-]+)?$/.exec(name)?.[1];
  if (code !== undefined && languages.has(code)) return code;
  return languageByName.get(name) ?? null;
}
