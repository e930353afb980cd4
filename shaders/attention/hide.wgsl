// Part of a loop body: adds the mask to score0 … of the query rows `row` (own) and keys first, first + 1, …, and hides keys
// that do not exist.
#if EDGE
#if SHARE > 1
    let visible = first + lane % u32(SHARE) < p.tk;
#if MASK == 1
    let cover = select(negligible, 0.0, visible & is_kept(pair, mine));
#else
    let cover = select(negligible, 0.0, visible);
#endif
#repeat s STEP
    score##s += subgroupBroadcast(cover, s##u);
#end
#else
#repeat s STEP
#if MASK == 1
    if (first + s##u >= p.tk || !is_kept(pair, min(first + s##u, p.tk - 1u))) { score##s = negligible; }
#else
    if (first + s##u >= p.tk) { score##s = negligible; }
#endif
#end
#endif
#endif
#if MASK == 2
#repeat s STEP
    score##s += mask_value(pair, row, min(first + s##u, p.tk - 1u));
#end
#endif
