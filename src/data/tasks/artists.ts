// The artists of the task `artist` and where their recordings lie, so that music to train on can leave them out.

import type { DEBIAN } from "../sources.js";

/** Whose music lies where: a package, and what the paths of the tracks match. The artists are those that files and copyright name. */
export const ARTISTS: readonly { name: string; from: keyof typeof DEBIAN; files: RegExp }[] = [
  {
    name: "Mattias Westlund",
    from: "wesnoth-1.16-music",
    files:
      /\/(breaking_the_chains|journeys_end|legends_of_the_north|northern_mountains|return_to_wesnoth|silvan_sanctuary|the_king_is_dead|traveling_minstrels)\./,
  },
  {
    name: "Doug Kaufman",
    from: "wesnoth-1.16-music",
    files: /\/(battle-epic|elvish-theme|heroes_rite|siege_of_laurelmor|the_city_falls|weight_of_revenge)\./,
  },
  {
    name: "Aleksi Aubry-Carlson",
    from: "wesnoth-1.16-music",
    files: /\/(battle|frantic-old|main_menu|transience|underground)\./,
  },
  { name: "Maxstack", from: "singularity-music", files: /\/music\// },
  {
    name: "Emxx52",
    from: "colobot-common-sounds",
    files: /\/music\/(Constructive|Humanitarian|Hv2|Infinite|Proton|Prototype|Quite)\./,
  },
  { name: "Daniel Roux", from: "colobot-common-sounds", files: /\/music\/music0\d\d\./ },
  { name: "Obsidian Shell", from: "marsshooter-data", files: /\/audio\/(music\/|menu\.|tutorial\.)/ },
  { name: "NeonCorridor", from: "hyperrogue-music", files: /\/hr3-/ },
  { name: "Alex Almarza", from: "amoebax-data", files: /\/music\// },
  { name: "Muldjord", from: "fretsonfire-songs-muldjord", files: /^fretsonfire/ },
];

/** Whether a track, by its package and its id, is one that the task plays. */
export function isProbedTrack(source: string, id: string): boolean {
  return ARTISTS.some(({ from, files }) => from === source && files.test(id));
}
