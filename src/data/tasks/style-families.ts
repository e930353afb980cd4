// Which family of styles each of mma's style files belongs to, as we hear and read them, and which files are kin. Files of plain
// drum patterns, of other bars than two, three or four beats, and those that fit no family are left out.

import type { Style } from "./mma.js";

/**
 * Style files by family, LIBRARY/FILE; without a library in stdlib. An ampersand joins files that are kin: numbered sisters, and
 * files of which one says that it was made from the other, or which share written-out patterns. A split must not part them.
 */
const FILES = {
  blues: `blues&slowblues blues128 fastblues shuffleboggie boggiewoggie countryblues casio/blues casio/shuffleboogie`,
  country: `bluegrass bluefolk countryswing&westernswing hillcountry slowcountry folk folkballad zydeco kara/kwestballad
    yamaha/western yamaha/jazzcountry`,
  dance: `trance boneym casio/dance1&casio/dance2 casio/dancepop1&casio/dancepop2&casio/dancepop3 casio/house casio/rave
    casio/techno casio/trance1&casio/trance2 casio/electricpop casio/latinhouse casio/8beatdance alexis/teamtechno`,
  jazz: `bebop bigband descendingjazz swing&easyswing&fastswing mellowjazz&evansish folkyjazz gypsyjazz jazzcombo jazzguitar
    modernjazz nitejazz slowjazz charleston dixie casio/fastbigband&casio/middlebigband&casio/slowbigband casio/jazzcombo
    casio/modernjazz casio/swing&casio/slowswing yamaha/jazzGrtrio yamaha/jazzbasie yamaha/jazzbouncy yamaha/jazzswing
    yamaha/jazztrio`,
  latin: `beguine bossanova bolero&slowbolero calypso chacha cubanguitar rhumba&jazzrhumba&salsa&son lighttango&tango mambo
    merengue samba lfusion casio/latinfusion kara/kbossa yamaha/jazzbossa yamaha/mambo yamaha/salsa1&yamaha/salsa2
    yamaha/quando-g.s280`,
  "march and polka": `68march bwmarch march polka dixiemarch casio/germanmarch casio/polka&casio/polkafox
    casio/poppolka kara/2beatp`,
  rock: `50srock 60srock basicrock&strut bubblerock folkrock rock-128 rockballad softrock casio/60srock casio/digitalrock
    casio/heavymetal casio/poprock1&casio/poprock2 casio/rock1&casio/rock2 casio/shufflerock casio/slowrock kara/K50s_rock
    pflib/metal1&pflib/metal2 pflib/rock1 pflib/slowrock pflib/highfive yamaha/w-rock`,
  "soul and funk": `bvfunk dsoul rb&rb-ballad casio/60ssoul casio/funk1&casio/funk2 casio/mellowrb casio/r+b
    casio/soul casio/soulpop kara/8beatmotown kara/Kfunk1`,
  waltz: `arpeggiowaltz countrywaltz jazzwaltz&fastjazzwaltz waltz&fastwaltz frenchwaltz latinwaltz modernjazzwaltz rockwaltz
    vienesewaltz casio/jazzwaltz casio/popwaltz yamaha/jazzwaltz`,
};

/** The nine families, in label order. */
export const STYLE_FAMILIES: readonly string[] = Object.keys(FILES);

/** A style file's place. */
interface Place {
  /** LIBRARY/FILE. */
  id: string;
  /** Index into STYLE_FAMILIES. */
  family: number;
  /** Shared by files that are kin: the first of them. */
  kin: string;
}

/** Every style file that has a family. */
export const STYLE_FILES: readonly Place[] = Object.values(FILES).flatMap((text, family) =>
  text.split(/\s+/).flatMap((entry) => {
    const ids = entry.split("&").map((file) => (file.includes("/") ? file : `stdlib/${file}`));
    return ids.map((id) => ({ id, family, kin: ids[0] }));
  }),
);

/** A style file of a family. */
export interface FamilyStyle extends Omit<Place, "id"> {
  style: Style;
}

/** Those of the given styles that belong to a family, in the order of the table; other bars than two to four beats do not. */
export function familyStyles(styles: readonly Style[]): FamilyStyle[] {
  const byId = new Map(styles.map((style) => [style.id, style]));
  return STYLE_FILES.flatMap(({ id, family, kin }) => {
    const style = byId.get(id);
    return style && style.beats >= 2 && style.beats <= 4 ? [{ style, family, kin }] : [];
  });
}

/** Files of no family that say they were made from one of a family, or from one that shares its patterns. */
const KIN_OUTSIDE = new Set(["stdlib/arpeggio68", "stdlib/broadwaywaltz"]);

/** The share of its patterns that a file may have in common with the families without being kin. */
const MOST_SHARED = 0.1;

/** A library of nothing but drum patterns. */
const DRUMS_ALONE = /^zoom\//;

/**
 * The styles that no labelled task plays, for music to train on: those of no family that are not kin to any of a family either, by
 * what they say or by the note patterns that they write out.
 */
export function stylesOutside(styles: readonly Style[]): Style[] {
  const inside = new Set(STYLE_FILES.map(({ id }) => id));
  const probed = new Set(
    styles.flatMap(({ id, patterns }) => (inside.has(id) && patterns ? [...patterns] : [])),
  );
  return styles.filter(({ id, patterns = new Set<string>() }) => {
    const shared = [...patterns].filter((pattern) => probed.has(pattern)).length;
    const left = !inside.has(id) && !KIN_OUTSIDE.has(id) && !DRUMS_ALONE.test(id);
    return left && shared <= MOST_SHARED * patterns.size;
  });
}
