// One in-place FFT pass of each radix over `z` (re at [i], im at [SIZE + i]) for spectrum.wgsl: butterfly j combines the
// values at (j / span)·span·radix + j % span + q·span. Needs SIZE, STEP, z, roots and dft.wgsl.
fn value_at(i: u32) -> vec2f { return vec2f(z[i], z[SIZE + i]); }
fn store_at(i: u32, value: vec2f) { z[i] = value.x; z[SIZE + i] = value.y; }

fn pass2(span: u32, table: u32, lane: u32) {
  for (var j = lane; j < SIZE / 2u; j += STEP) {
    let t = j % span;
    let at = (j - t) * 2u + t;
    var x = array<vec2f, 2>(value_at(at), value_at(at + span));
    if (span > 1u) { x[1] = cmul(x[1], roots[table + t]); }
    let y = dft2(x);
    store_at(at, y[0]); store_at(at + span, y[1]);
  }
}

fn pass3(span: u32, table: u32, lane: u32) {
  for (var j = lane; j < SIZE / 3u; j += STEP) {
    let t = j % span;
    let at = (j - t) * 3u + t;
    var x = array<vec2f, 3>(value_at(at), value_at(at + span), value_at(at + 2u * span));
    if (span > 1u) {
      let w = table + t;
      x[1] = cmul(x[1], roots[w]); x[2] = cmul(x[2], roots[w + span]);
    }
    let y = dft3(x);
    store_at(at, y[0]); store_at(at + span, y[1]); store_at(at + 2u * span, y[2]);
  }
}

fn pass4(span: u32, table: u32, lane: u32) {
  for (var j = lane; j < SIZE / 4u; j += STEP) {
    let t = j % span;
    let at = (j - t) * 4u + t;
    var x = array<vec2f, 4>(value_at(at), value_at(at + span), value_at(at + 2u * span), value_at(at + 3u * span));
    if (span > 1u) {
      let w = table + t;
      x[1] = cmul(x[1], roots[w]); x[2] = cmul(x[2], roots[w + span]); x[3] = cmul(x[3], roots[w + 2u * span]);
    }
    let y = dft4(x);
    store_at(at, y[0]); store_at(at + span, y[1]); store_at(at + 2u * span, y[2]); store_at(at + 3u * span, y[3]);
  }
}

fn pass5(span: u32, table: u32, lane: u32) {
  for (var j = lane; j < SIZE / 5u; j += STEP) {
    let t = j % span;
    let at = (j - t) * 5u + t;
    var x = array<vec2f, 5>(value_at(at), value_at(at + span), value_at(at + 2u * span), value_at(at + 3u * span), value_at(at + 4u * span));
    if (span > 1u) {
      let w = table + t;
      x[1] = cmul(x[1], roots[w]); x[2] = cmul(x[2], roots[w + span]);
      x[3] = cmul(x[3], roots[w + 2u * span]); x[4] = cmul(x[4], roots[w + 3u * span]);
    }
    let y = dft5(x);
    store_at(at, y[0]); store_at(at + span, y[1]); store_at(at + 2u * span, y[2]); store_at(at + 3u * span, y[3]); store_at(at + 4u * span, y[4]);
  }
}

fn pass8(span: u32, table: u32, lane: u32) {
  for (var j = lane; j < SIZE / 8u; j += STEP) {
    let t = j % span;
    let at = (j - t) * 8u + t;
    var x = array<vec2f, 8>(value_at(at), value_at(at + span), value_at(at + 2u * span), value_at(at + 3u * span),
                            value_at(at + 4u * span), value_at(at + 5u * span), value_at(at + 6u * span), value_at(at + 7u * span));
    if (span > 1u) {
      let w = table + t;
      x[1] = cmul(x[1], roots[w]); x[2] = cmul(x[2], roots[w + span]); x[3] = cmul(x[3], roots[w + 2u * span]);
      x[4] = cmul(x[4], roots[w + 3u * span]); x[5] = cmul(x[5], roots[w + 4u * span]);
      x[6] = cmul(x[6], roots[w + 5u * span]); x[7] = cmul(x[7], roots[w + 6u * span]);
    }
    let y = dft8(x);
    store_at(at, y[0]); store_at(at + span, y[1]); store_at(at + 2u * span, y[2]); store_at(at + 3u * span, y[3]);
    store_at(at + 4u * span, y[4]); store_at(at + 5u * span, y[5]); store_at(at + 6u * span, y[6]); store_at(at + 7u * span, y[7]);
  }
}
