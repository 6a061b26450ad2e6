/** The style sheet of all pages: light, dark and print from one set of variables; no image, no font from elsewhere. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--line:#e3e6eb;--soft:#f0f2f5;--ink:#161a22;--muted:#5b6472;
--grid:#eaecf0;--guide:#a3acb9;--challenger:#4353d8;--reference:#a85400;
--pass:#12763f;--pass-soft:#e2f5e9;--fail:#b6212f;--fail-soft:#fde8e9;--unsure:#8a5a00;--unsure-soft:#fdf1d7;
--wait-soft:#e8eafc;--shadow:0 1px 2px rgb(16 24 40/.05),0 4px 16px rgb(16 24 40/.04)}
@media (prefers-color-scheme:dark){:root{--page:#0d1016;--card:#151a22;--line:#272e3a;--soft:#1c222c;--ink:#e8ebf0;
--muted:#98a2b3;--grid:#232a35;--guide:#5d6878;--challenger:#8f9bff;--reference:#f0a04b;
--pass:#5cd391;--pass-soft:#12301f;--fail:#ff8a90;--fail-soft:#3a1a1e;--unsure:#f2c063;--unsure-soft:#352810;
--wait-soft:#1f2547;--shadow:none}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:16px}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:break-word}
main,header.top,footer{max-width:1120px;margin:0 auto;padding:0 24px}
h1,h2,h3,h4,h5,h6{line-height:1.25;margin:0;text-wrap:balance}
h1{font-size:32px;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{font-size:19px;letter-spacing:-.01em}
h3{font-size:15px}
p{margin:0}
a{color:var(--challenger);text-underline-offset:3px}
code,pre,.mono{font:13px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-variant-ligatures:none}
.muted{color:var(--muted)}
.small{font-size:13px}
.brand{display:flex;justify-content:space-between;align-items:center;gap:16px;padding:20px 0;font-size:13px;color:var(--muted)}
.brand b{color:var(--ink);letter-spacing:.01em}
.hero{display:grid;grid-template-columns:minmax(0,1fr) minmax(280px,360px);gap:24px 32px;align-items:start;padding:8px 0 24px}
.hero .sub{margin-top:6px;font-size:16px;color:var(--muted)}
.hero .version{color:var(--muted);font-weight:500}
.badges{display:flex;flex-wrap:wrap;gap:8px;margin-top:18px;padding:0;list-style:none}
.badge{display:inline-flex;align-items:center;gap:7px;padding:3px 11px 3px 8px;border-radius:999px;font-size:13px;font-weight:600;
white-space:nowrap}
.badge .glyph{font-weight:800;min-width:1em;text-align:center}
.pass{color:var(--pass);background:var(--pass-soft)}
.fail{color:var(--fail);background:var(--fail-soft)}
.inconclusive{color:var(--unsure);background:var(--unsure-soft)}
.waiting{color:var(--challenger);background:var(--wait-soft)}
.env{padding:3px 11px;border:1px solid var(--line);border-radius:999px;background:var(--card);color:var(--ink);font-weight:600}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;box-shadow:var(--shadow);padding:22px 24px;min-width:0}
.digest .label{font-size:13px;color:var(--muted)}
.digest .head{display:block;font-size:27px;line-height:1.3;font-weight:650;letter-spacing:.02em;user-select:all}
.digest .rest{display:block;font-size:12px;color:var(--muted);overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,1fr));gap:1px;background:var(--line);border:1px solid var(--line);
border-radius:14px;overflow:hidden;box-shadow:var(--shadow)}
.tile{background:var(--card);padding:16px 20px;min-width:0}
.tile dt{font-size:13px;color:var(--muted)}
.tile dd{margin:0}
.tile .value{font-size:26px;font-weight:650;letter-spacing:-.02em;line-height:1.35}
.tile .note{font-size:13px;color:var(--muted)}
.tile .value.challenger,.key .challenger{color:var(--challenger)}
.tile .value.reference{color:var(--reference)}
section{margin-top:28px}
section>h2{margin-bottom:12px}
.attention{border-color:var(--unsure)}
.attention ul{margin:0;padding:0;list-style:none;display:grid;gap:12px}
.attention li{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:12px;color:var(--ink);align-items:start}
section>.lead{color:var(--muted);margin:-6px 0 12px;max-width:75ch}
.two{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:20px}
.stack{display:grid;gap:20px}
.stack>*,.two>*{min-width:0}
.two.uneven{grid-template-columns:minmax(0,1.75fr) minmax(0,1fr)}
.card>h3{margin-bottom:4px}
.card>.hint{font-size:13px;color:var(--muted);margin-bottom:12px}
.plot{display:block;width:100%;height:auto;max-width:440px;margin:0 auto}
.plot text{font-family:inherit}
.key{display:flex;flex-wrap:wrap;gap:6px 22px;font-size:13px;margin-bottom:12px;padding:0;list-style:none}
.key li{display:flex;align-items:center;gap:8px}
.key i{display:inline-block;width:24px;height:0;border-top:3px solid var(--challenger)}
.key .is-reference i{border-top:3px dashed var(--reference)}
.scroll{overflow-x:auto;margin:0 -24px;padding:0 24px}
.scroll:focus-visible{outline:2px solid var(--challenger)}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;font-size:13px;color:var(--muted);padding-bottom:8px}
th,td{text-align:left;vertical-align:baseline;padding:9px 16px 9px 0;border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{font-size:13px;font-weight:600;color:var(--muted)}
tbody th{font-weight:500}
tbody tr:last-child>*{border-bottom:0}
td.number,th.number{text-align:right;white-space:nowrap}
td.wide,th.wide{min-width:190px;overflow-wrap:anywhere}
td .note{color:var(--muted);font-size:13px;white-space:nowrap}
tr.gate th{padding-top:18px;font-size:15px;font-weight:650}
tr.gate .summary{display:block;font-weight:400;font-size:14px;color:var(--muted);margin-top:2px}
tbody+tbody tr.gate>*{border-top:1px solid var(--line)}
thead+tbody tr.gate th{padding-top:12px}
.commands{display:grid;gap:16px;margin:0;padding:0;list-style:none}
.commands .purpose{font-weight:600;font-size:14px;margin-bottom:5px}
pre{margin:0;padding:12px 14px;background:var(--soft);border-radius:9px;white-space:pre-wrap;overflow-wrap:anywhere;user-select:all}
.facts{display:grid;grid-template-columns:minmax(120px,max-content) minmax(0,1fr);gap:9px 22px;margin:0;font-size:14px}
.facts dt{color:var(--muted)}
.facts dd{margin:0;overflow-wrap:anywhere}
.facts .mono{font-size:12.5px}
.window{display:flex;gap:3px;margin:4px 0 20px;font-size:13px}
.window div{min-width:min(200px,48%);flex-basis:0}
.window div::before{content:"";display:block;height:12px;border-radius:6px;background:var(--guide);opacity:.55;margin-bottom:8px}
.window div.holdout::before{background:var(--challenger);opacity:1}
.window b{display:block}
.window span{white-space:nowrap}
.markdown{max-width:78ch}
.markdown>*+*{margin-top:12px}
.markdown>:first-child{margin-top:0}
.markdown h5{font-size:14px;margin-top:18px}
.markdown h3{font-size:17px;margin-top:24px}
.markdown h4{margin-top:20px}
.markdown ul{margin-bottom:0;padding-left:20px}
.markdown code,td code{background:var(--soft);border-radius:5px;padding:1px 5px;font-size:12.5px}
details summary{cursor:pointer;font-size:14px;color:var(--challenger);padding:12px 0 4px}
nav.jump{display:flex;flex-wrap:wrap;gap:4px 20px;font-size:14px;margin-top:22px}
footer{padding-top:28px;padding-bottom:48px;font-size:13px;color:var(--muted);overflow-wrap:anywhere}
@media (max-width:640px){.stacked thead{display:none}.stacked,.stacked tbody,.stacked caption{display:block}
.stacked tr{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:4px 12px;padding:12px 0;border-bottom:1px solid var(--line)}
.stacked th,.stacked td{border:0!important;padding:0!important;min-width:0!important}
.stacked tr>:last-child{grid-row:1;grid-column:2}.stacked tr>:first-child{grid-column:1;font-weight:600}
.stacked [data-label]{grid-column:1/-1}.stacked [data-label]::before{content:attr(data-label) ": ";color:var(--muted)}
.metrics th .small{display:none}.metrics .note,.metrics .number{white-space:normal}.metrics th,.metrics td{padding-right:10px}
.metrics{font-size:13px}.metrics .note{font-size:12px}}
@media (max-width:820px){main,header.top,footer{padding:0 16px}.hero{grid-template-columns:minmax(0,1fr)}
.two,.two.uneven{grid-template-columns:minmax(0,1fr)}.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}h1{font-size:27px}
.card{padding:18px 16px}.scroll{margin:0 -16px;padding:0 16px}.tile{padding:14px 16px}.tile .value{font-size:22px}
.facts:not(.compact){grid-template-columns:minmax(0,1fr);gap:0}.facts:not(.compact) dd{margin-bottom:10px}
footer{padding-bottom:32px;padding-top:24px}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--line:#d5d9e0;--soft:#f3f4f6;--ink:#000;--muted:#444b57;
--grid:#e5e7eb;--guide:#8b95a3;--challenger:#3442c0;--reference:#a85400;--pass:#0d6a36;--pass-soft:#e2f5e9;--fail:#a51927;
--fail-soft:#fde8e9;--unsure:#7a4f00;--unsure-soft:#fdf1d7;--wait-soft:#e8eafc;--shadow:none}
body{font-size:12px}nav.jump{display:none}.card,.tiles,tr{break-inside:avoid}h2,h3{break-after:avoid}
.card:has(table),.card.long{break-inside:auto}main,header.top,footer{max-width:none;padding:0}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
