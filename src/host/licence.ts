// One line about a package's licence, taken from its own copyright file. A summary for people to see, not legal reading: the
// file itself lies beside the unpacked package.

const PHRASES: [RegExp, string][] = [
  [/Permission is hereby granted, free of charge,[\s\S]*?to deal\s+in the Software/i, "MIT-style"],
  [/GNU Lesser General Public License/i, "LGPL"],
  [/GNU General Public License\s+version 2\s+or\s+(\(?at your option\)?,?\s+)?any later/i, "GPL-2+"],
  [/GNU General Public License/i, "GPL"],
  [/Attribution[- ]Share ?Alike(?=[\s\S]*Share ?Alike 3\.0)/i, "CC-BY-SA-3.0"],
  [/Attribution[- ]Share ?Alike(?=[\s\S]*Share ?Alike 4\.0)/i, "CC-BY-SA-4.0"],
  [/Attribution[- ]Share ?Alike/i, "CC-BY-SA"],
  [/Redistribution and use in source and binary forms/i, "BSD-style"],
];

/**
 * The licences that a Debian copyright file names: the `License:` fields of its machine-readable form, leaving out paragraphs
 * about the packaging (`Files: debian/…`), else the first licence that well-known sentences in it tell.
 */
export function licenceLine(copyright: string): string {
  const names = new Set<string>();
  if (/^Format:/m.test(copyright)) {
    for (const paragraph of copyright.split(/\n\s*\n/)) {
      const files = /^Files:\s*(.+)$/m.exec(paragraph)?.[1];
      const licence = /^License:\s*(.+)$/m.exec(paragraph)?.[1];
      if (files && licence && !files.startsWith("debian/")) names.add(licence.trim());
    }
  }
  if (names.size === 0) {
    const found = PHRASES.map(([pattern, name]) => ({ name, at: copyright.search(pattern) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at); // stable: of two at one place the more exact, which is listed first
    if (found.length > 0) names.add(found[0].name);
  }
  return names.size > 0 ? [...names].slice(0, 6).join("; ") : "see its copyright file";
}
