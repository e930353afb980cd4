// The report's style sheet: system fonts, light and dark by the reader's preference, from 360 px upwards. No content.

/** The report's style sheet. */
export const STYLE = `
:root{color-scheme:light dark;--page:#fdfdfc;--card:#fff;--ink:#1b1d21;--ink2:#5d636d;--muted:#6a707a;--rule:#e4e5e8;--raw:#2f6fdb59;--accent:#2459b8;--soft:#eef3fc;--warn:#fdf3e1;--warnline:#d79b2f;
--c1:#2f6fdb;--c2:#d9730d;--c3:#1f8a5b;--c4:#c2389a;--c5:#6b4fc9;--c6:#c8372d;--c7:#0b8793;--c8:#8a7a00}
@media (prefers-color-scheme:dark){:root{--page:#141619;--card:#1b1e22;--ink:#e9eaec;--ink2:#aab0ba;--muted:#9aa1ac;--rule:#31353c;--raw:#79a9ff7a;--accent:#8db4ff;--soft:#1c2738;--warn:#2d2516;--warnline:#b98a35;
--c1:#79a9ff;--c2:#f5a05a;--c3:#4fc78d;--c4:#ef86d2;--c5:#b09dff;--c6:#ff8178;--c7:#56c8d5;--c8:#d6c551}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;font-variant-numeric:tabular-nums}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 clamp(14px,3vw,32px)}
header{padding-top:clamp(24px,4vw,48px)}
h1{font-size:clamp(1.5rem,1.1rem + 1.8vw,2.25rem);line-height:1.15;letter-spacing:-.015em;margin:0;overflow-wrap:anywhere}
h2{font-size:1.3rem;letter-spacing:-.01em;line-height:1.25;margin:3rem 0 .25rem;padding-top:1rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;line-height:1.35;margin:0 0 .5rem;overflow-wrap:anywhere}
h4{font-size:.82rem;font-weight:600;margin:0 0 .3rem}h4 span{font-weight:400;color:var(--muted);white-space:nowrap}
p{margin:.4rem 0 1rem;max-width:72ch}
a{color:var(--accent)}
.lead{color:var(--ink2);margin:.5rem 0 0}
.intro{color:var(--ink2)}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;list-style:none;padding:0;margin:1.25rem 0 0;font-size:.9rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:1px;background:var(--rule);border:1px solid var(--rule);border-radius:10px;overflow:hidden;margin:1.5rem 0 0;padding:0}
.tiles div{background:var(--card);padding:.8rem 1rem}
.tiles dt{font-size:.78rem;color:var(--muted);margin:0}
.tiles dd{margin:.1rem 0 0;font-size:1.3rem;font-weight:600;letter-spacing:-.01em;line-height:1.25}
.tiles dd small{display:block;font-size:.78rem;font-weight:400;color:var(--muted);letter-spacing:0}
.banner,.absent{border-left:3px solid var(--warnline);background:var(--warn);padding:.7rem 1rem;border-radius:0 8px 8px 0;margin:1.25rem 0;max-width:none}
.absent{border-color:var(--muted);background:none;color:var(--ink2);padding:.2rem 1rem}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:0 3rem}
.facts{width:100%;border-collapse:collapse;margin:.5rem 0 1rem}
.facts caption{text-align:left;font-weight:600;padding:.6rem 0 .3rem}
.facts th,.facts td{text-align:left;vertical-align:top;padding:.4rem 0;border-top:1px solid var(--rule);font-size:.92rem;overflow-wrap:anywhere}
.facts th{font-weight:400;color:var(--muted);width:8.5em;padding-right:1rem;overflow-wrap:normal}
.facts ul{margin:0;padding-left:1.1em}
pre{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:.75rem 1rem;overflow-x:auto;font:.86rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0 1rem}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.9em;overflow-wrap:anywhere}
details{margin:.5rem 0 1rem}summary{cursor:pointer;color:var(--accent)}
figure{margin:1.25rem 0 2rem;min-width:0}
figcaption{font-size:.88rem;line-height:1.5;color:var(--ink2);margin-top:.5rem;max-width:84ch;overflow-wrap:anywhere}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,310px),1fr));gap:.25rem 2rem}
.charts figure{margin:.75rem 0 1rem}
.charts.few{grid-template-columns:repeat(auto-fit,minmax(min(100%,340px),1fr))}.charts.few figure{max-width:540px}
.plot{display:block;width:100%;height:auto;overflow:visible}
.plot text{white-space:pre}
.keys{display:flex;flex-wrap:wrap;gap:.3rem 1.3rem;font-size:.88rem;color:var(--ink2);margin:.75rem 0 0}
.key{display:inline-block;width:22px;height:0;border-top:3px solid var(--c1);vertical-align:middle;margin-right:.45rem}
.key.raw{border-color:var(--raw)}.key.mark{border-top:1px dashed var(--muted)}
.key.held{width:9px;height:9px;border:0;border-radius:50%;background:var(--c2)}
.plane{display:grid;grid-template-columns:3.1rem minmax(0,1fr);grid-template-rows:auto 1.4rem;margin:.4rem 0 .4rem;padding-right:.5rem}
.picture{position:relative;overflow:hidden;border-radius:3px;background:#000}
.picture img{position:absolute;left:0;bottom:0;width:100%;height:100%;display:block;image-rendering:pixelated}
.backdrop{position:absolute;inset:0;background:var(--backdrop) 0 0/100% 100%;image-rendering:pixelated;opacity:.8}
.overlay{position:absolute;inset:0;width:100%;height:100%}
.overlay path{fill:none;vector-effect:non-scaling-stroke}
.overlay .grid{stroke:#fff;stroke-opacity:.6;stroke-width:1}
.overlay .outline{stroke:#fff;stroke-opacity:.75;stroke-width:1}
.overlay .query{stroke:#4de3ff;stroke-width:2}
.yaxis,.xaxis{position:relative;font-size:.72rem;color:var(--muted);line-height:1}
.yaxis span{position:absolute;right:.45rem;transform:translateY(50%);white-space:nowrap}.yaxis span[style^=top]{transform:translateY(-50%)}
.xaxis{grid-column:2}
.xaxis span{position:absolute;top:.4rem;transform:translateX(-50%);white-space:nowrap}
.triple{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:.5rem 1rem}
.missing{padding-left:1.1em;color:var(--ink2)}
.heads{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,210px),1fr));gap:.5rem 1rem}
.square{max-width:440px}
.colourbar{display:flex;align-items:center;gap:.5rem;font-size:.75rem;color:var(--muted);margin:.9rem 0 .2rem}
.colourbar i{display:block;width:120px;height:9px;border-radius:2px;border:1px solid var(--rule)}
.map{display:grid;grid-template-columns:minmax(0,2.4fr) minmax(150px,1fr);gap:1.25rem;align-items:start}
.legend{list-style:none;margin:0;padding:0;font-size:.86rem;columns:2 130px}
.legend li{display:flex;align-items:center;gap:.45rem;padding:.15rem .3rem;border-radius:5px;cursor:default;break-inside:avoid}
.legend li:is(:hover,:focus-visible){background:var(--soft)}
.legend svg{width:14px;height:14px;flex:none}
.legend span{overflow-wrap:anywhere;line-height:1.3}
.legend small{color:var(--muted);margin-left:auto}
.k{transition:opacity .12s}
.verdict{margin:1rem 0 1.5rem;padding:.9rem 1.2rem;background:var(--soft);border-left:4px solid var(--accent);border-radius:0 8px 8px 0;font-size:1.05rem;max-width:none;white-space:pre-line}
.scroll{overflow-x:auto}
.probe{border-collapse:collapse;width:100%;font-size:.95rem}
.probe caption{caption-side:bottom;text-align:left;font-size:.88rem;color:var(--ink2);padding-top:.7rem;max-width:84ch}
.probe caption b{font-weight:600}
.probe th,.probe td{padding:.6rem .7rem;border-bottom:1px solid var(--rule);vertical-align:top}
.probe thead th{font-size:.84rem;color:var(--muted);font-weight:600;text-align:right;vertical-align:bottom;border-bottom:2px solid var(--rule)}
.probe th:first-child{text-align:left;padding-left:0}
.probe tbody th{font-weight:600}.probe th small{display:block;font-weight:400;color:var(--muted)}
.probe td{text-align:right}.probe td b{font-weight:500}.probe td small,.probe td em{display:block;font-size:.8rem;color:var(--muted)}
.probe td.none{color:var(--muted);font-size:.85rem}
.probe td.best{background:var(--soft)}.probe td.best b{font-weight:700;color:var(--accent)}
.probe td.best em{font-style:normal;font-weight:600;color:var(--accent)}
footer{color:var(--muted);font-size:.85rem;padding-top:1rem;padding-bottom:3rem;margin-top:3rem}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media (max-width:720px){.map{grid-template-columns:minmax(0,1fr)}.triple{grid-template-columns:minmax(0,1fr)}.wide .plane .picture{aspect-ratio:1.5!important}}
@media (max-width:520px){.tiles{grid-template-columns:1fr 1fr}.facts th{width:6.6em}.probe{font-size:.82rem;table-layout:fixed}.probe th,.probe td{padding:.5rem .25rem}.probe thead th{font-size:.66rem}.probe thead th:first-child{width:27%}.heads{grid-template-columns:1fr 1fr}.heads .plane{grid-template-columns:2.4rem minmax(0,1fr)}.heads .xaxis,.heads .yaxis{font-size:.62rem}.heads h4 span{display:block}.probe th{overflow-wrap:break-word}.probe tbody th{font-size:.76rem}.probe th small,.probe td small,.probe td em{font-size:.7rem}.probe td small{white-space:nowrap}}
@media print{h2{break-after:avoid}figure{break-inside:avoid}nav{display:none}}
`;
