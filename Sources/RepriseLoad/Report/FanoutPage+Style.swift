/// The page's style sheet.
extension FanoutPage {
    /// Colours after Okabe and Ito, made darker on light and lighter on dark ground until each has a contrast of 3 to 1.
    static let style: Markup = """
        :root{--ground:#fff;--panel:#fff;--ink:#16191d;--soft:#59616b;--rule:#d9dde2;--grid:#e9ecef;--band:#f5f7f9;
        --good:#0b6b3a;--good-ground:#def3e6;--bad:#a3160f;--bad-ground:#fde5e3;--link:#0b5cad;
        --c0:#0072b2;--c1:#d55e00;--c2:#00805e;--c3:#aa4499;--c4:#a87400;--c5:#4b3fbf;--c6:#1f8a9e;--c7:#6b7280}
        @media (prefers-color-scheme:dark){:root{--ground:#111418;--panel:#181c21;--ink:#e8eaed;--soft:#a3abb5;--rule:#333a42;
        --grid:#272d34;--band:#1d2228;--good:#7fe0a8;--good-ground:#123524;--bad:#ff9d94;--bad-ground:#45191a;--link:#7db8f5;
        --c0:#56b4e9;--c1:#ff8a4c;--c2:#2dd4a0;--c3:#e08bd0;--c4:#f0c24b;--c5:#a9a4ff;--c6:#6fe0e8;--c7:#aab1ba}}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%}
        body{margin:0 auto;padding:28px 24px 48px;max-width:1320px;background:var(--ground);color:var(--ink);
        font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
        font-variant-numeric:tabular-nums}
        h1{font-size:28px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em;overflow-wrap:anywhere}
        h2{font-size:19px;line-height:1.3;margin:36px 0 12px}
        h3{font-size:15px;line-height:1.35;margin:0;overflow-wrap:anywhere}
        p{margin:0 0 10px}
        a{color:var(--link);text-decoration:none}
        a:hover{text-decoration:underline}
        .lead,.caption,.none,footer{color:var(--soft)}
        .lead{font-size:16px}
        .overall{font-weight:600}
        .badge{display:inline-block;padding:1px 9px;border-radius:99px;font-size:12px;font-weight:700;letter-spacing:.04em;
        vertical-align:1px;white-space:nowrap;margin-right:4px;-webkit-print-color-adjust:exact;print-color-adjust:exact}
        .badge.valid{color:var(--good);background:var(--good-ground)}
        .badge.invalid{color:var(--bad);background:var(--bad-ground);box-shadow:inset 0 0 0 1px var(--bad)}
        .invalid-text{color:var(--bad);fill:var(--bad);font-weight:600}
        .broken{border-left:4px solid var(--bad);padding:2px 0 2px 18px;margin-top:28px}
        .broken h2{margin-top:0}
        .broken ul{margin:0;padding:0;list-style:none}
        .broken li{margin:0 0 8px;overflow-wrap:anywhere}
        .broken ul ul{padding-left:20px;list-style:disc;margin-top:4px}
        .broken ul ul li,.rules li,.notes li{margin:0 0 3px}
        .scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:8px;background:var(--panel)}
        table{border-collapse:collapse;width:100%;font-size:13px}
        th,td{padding:6px 7px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--grid)}
        tbody tr:last-child td{border-bottom:0}
        th{background:var(--band);font-weight:600;vertical-align:top;border-bottom:1px solid var(--rule)}
        th small{display:block;font-weight:400;font-size:12px;color:var(--soft)}
        .text{text-align:left}
        tbody tr:hover td{background:var(--band)}
        .invalid-row td{color:var(--soft)}
        .series{display:block;min-width:96px;max-width:200px;white-space:normal;font-weight:600}
        td .badge{margin:0}
        .figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,500px),1fr));gap:18px}
        figure{margin:0;padding:14px 16px 12px;border:1px solid var(--rule);border-radius:8px;background:var(--panel);
        break-inside:avoid;min-width:0}
        figcaption{margin-bottom:8px}
        .caption{font-size:13px;margin:0}
        .empty{color:var(--soft);padding:36px 0;text-align:center;margin:0}
        .plot{display:block;width:100%;height:auto;overflow:visible}
        .plot text{font-size:12.5px;fill:var(--soft)}
        .plot .bar-name{fill:var(--ink)}
        .plot .bar-label{fill:var(--ink);font-weight:600}
        .plot .invalid-text{fill:var(--bad)}
        .grid{stroke:var(--grid);fill:none}
        .axis{stroke:var(--soft);fill:none}
        .c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}
        .c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}
        .line{stroke:var(--c);fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
        .dashed{stroke-dasharray:5 5}
        .mark{fill:var(--c);stroke:var(--c);stroke-width:1.5}
        .mark.hollow{fill:var(--panel)}
        .bar{fill:var(--c);stroke:var(--c)}
        .bar.hollow{fill:var(--panel);stroke-width:1.5}
        .sample{fill:var(--panel);stroke:var(--ink);stroke-width:1.2}
        .legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;margin:0 0 12px;padding:0;font-size:14px}
        .legend li{display:flex;align-items:center;gap:8px;min-width:0;overflow-wrap:anywhere}
        figure .legend{margin:8px 0 0;font-size:13px}
        .key{width:34px;height:12px;flex:none;overflow:visible}
        .facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:3px 16px;margin:0;font-size:14px}
        .facts dt{color:var(--soft)}
        .facts dd{margin:0;overflow-wrap:anywhere}
        code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;display:block;
        padding:3px 8px;margin:0 0 4px;background:var(--band);border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,500px),1fr));gap:18px}
        article{border:1px solid var(--rule);border-radius:8px;background:var(--panel);padding:14px 16px;break-inside:avoid;
        min-width:0}
        article h3{margin-bottom:8px}
        article:target{outline:2px solid var(--link)}
        .rules,.notes{margin:0 0 10px;padding-left:20px;overflow-wrap:anywhere;font-size:14px}
        .rules{color:var(--bad)}
        footer{margin-top:36px;border-top:1px solid var(--rule);font-size:14px}
        footer h2{font-size:15px;margin:16px 0 6px;color:var(--ink)}
        footer dl{margin:0;display:grid;grid-template-columns:max-content minmax(0,1fr);gap:3px 16px}
        footer dd{margin:0}
        @media (max-width:560px){body{padding:18px 14px 32px}h1{font-size:23px}
        .plot text{font-size:15px}figure,article{padding:12px}
        .facts{grid-template-columns:92px minmax(0,1fr)}
        footer dl{grid-template-columns:minmax(0,1fr);gap:0}footer dd{margin-bottom:6px}}
        @media print{:root{--ground:#fff;--panel:#fff;--ink:#000;--soft:#444;--rule:#bbb;--grid:#ddd;--band:#f3f3f3;
        --good:#0b6b3a;--good-ground:#def3e6;--bad:#a3160f;--bad-ground:#fde5e3;--link:#000;
        --c0:#0072b2;--c1:#d55e00;--c2:#00805e;--c3:#aa4499;--c4:#a87400;--c5:#4b3fbf;--c6:#1f8a9e;--c7:#6b7280}
        body{max-width:none;padding:0;font-size:11px}table{font-size:9px}th,td{padding:3px 4px}
        .scroll{overflow:visible}.figures,.cards{grid-template-columns:1fr 1fr}h2,.legend{break-after:avoid}
        .bar,.mark{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
        """
}
