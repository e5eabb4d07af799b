"""The style sheet of the report: light and dark, for screens from 320 pixels on, and for paper."""

__all__ = ["STYLE"]

STYLE = """\
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2127;--soft:#59636e;--rule:#d5dae0;--panel:#f5f7f9;
--ok:#1a7f4b;--failed:#c62f37;--unknown:#b06a00;--flight:#2463c9;--window:#8a94a0}
@media (prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6e9ed;--soft:#9aa5b1;--rule:#333b45;--panel:#1c2229;
--ok:#3fbf7f;--failed:#f2656c;--unknown:#e0a03c;--flight:#6aa5ff;--window:#77828e}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.4rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.5rem 0}
.soft,.axis,.top,figcaption{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.5rem;margin:1rem 0;padding:0}
.tiles div{background:var(--panel);border:1px solid var(--rule);border-radius:.4rem;padding:.5rem .75rem}
.tiles div:first-child{grid-column:span 2}
.tiles dt{color:var(--soft);font-size:.85rem}
.tiles dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}
figure{margin:1rem 0;break-inside:avoid}
svg{display:block;overflow:visible;width:100%;height:9rem;border-bottom:1px solid var(--rule);background:var(--panel)}
rect.ok{fill:var(--ok)}rect.failed{fill:var(--failed)}rect.unknown{fill:var(--unknown)}rect.flight{fill:var(--flight)}
.line{fill:none;stroke-width:2px;vector-effect:non-scaling-stroke}
.line.flight{stroke:var(--flight)}.line.window{stroke:var(--window)}
.axis{display:flex;font-size:.85rem}.axis span{flex:1}
.axis span:nth-child(2){text-align:center}.axis span:nth-child(3){text-align:right}
.top{font-size:.85rem}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:.25rem 0;padding:0;font-size:.85rem}
.key{display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px}
.key.ok{background:var(--ok)}.key.failed{background:var(--failed)}.key.unknown{background:var(--unknown)}
.key.flight{background:var(--flight)}.key.window{background:var(--window)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--rule)}
th{font-weight:600;white-space:nowrap}
@media (max-width:40rem){.many thead{display:none}.many tr{display:block;border-bottom:1px solid var(--rule);padding:.4rem 0}
.many td{display:block;border:0;padding:0}.many td[data-name]::before{content:attr(data-name) ": ";color:var(--soft)}}
@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--rule:#bbb;--panel:#fff;
--ok:#1a7f4b;--failed:#c62f37;--unknown:#b06a00;--flight:#2463c9;--window:#8a94a0}
body{max-width:none;padding:0;font-size:10pt}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
