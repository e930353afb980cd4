// How the tile kernels share work, for adapters whose subgroups have LANES lanes and no other number. A subgroup owns ROWS =
// BLOCKS · LANES rows of one (batch, head) pair and walks the other side in tiles of KEYS · LANES rows. Scores: lane l holds those of
// its KEYS columns with every row; for each vec4 along the head it loads one vec4 of each of its columns and of the rows l, l +
// LANES, …, and the rows are handed round by subgroupBroadcast. Weighted sums: lane l holds the vec4s l, l + LANES, … (COLUMNS of them)
// of every row's result; a row of the other side is loaded once by the whole subgroup, and the weights are handed round by
// subgroupShuffle. So nothing is loaded twice, the loop along the head is never unrolled, and no workgroup memory is needed.
// lavapipe's compiler takes some 30 ms for each load in the text and little less for eight rows' arithmetic: hence the loops, the
// small tiles, and results that are stored in a loop over an array.
// Where a column does not exist, its row is read again and its score is `negligible`.
#include "lib/lanes"
struct Tile {
  pair: u32,
  /// First own row; past the end where there is none.
  row: u32,
}
// The tile of a subgroup; workgroups hold WIDTH / LANES of them, all of one pair.
fn tile_at(group: u32, local: u32, rows: u32) -> Tile {
  let tiles = (rows + u32(ROWS) - 1u) / u32(ROWS);
  let share = (tiles + u32(WIDTH / LANES) - 1u) / u32(WIDTH / LANES);
  let row = (group % share * u32(WIDTH / LANES) + local / u32(LANES)) * u32(ROWS);
  return Tile(group / share, row);
}
