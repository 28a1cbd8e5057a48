"""Style and script of the reference page, allowed by their hashes and by nothing else."""

import base64
import hashlib
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--line:#8883;--dim:#888;--soft:#8881;
  --get:#2a7de1;--post:#2e9e5b;--put:#c47f17;--delete:#d0453b}
*{box-sizing:border-box}
body{font:15px/1.55 system-ui,sans-serif;margin:0}
a{color:inherit}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}
pre{overflow:auto;background:var(--soft);padding:.7rem .9rem;border-radius:.4rem;margin:.5rem 0}
.layout{display:grid;grid-template-columns:19rem minmax(0,1fr);max-width:80rem;margin:0 auto}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.2rem 1rem;border-right:1px solid var(--line);
  font-size:13px}
nav h3{margin:1rem 0 .2rem;font-size:12px;text-transform:uppercase;letter-spacing:.05em;color:var(--dim)}
nav a{display:block;text-decoration:none;padding:.1rem 0;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
nav a:hover{text-decoration:underline}
main{padding:1.5rem 2rem 6rem;min-width:0}
main.plain{max-width:44rem;margin:0 auto}
input{width:100%;font:inherit;padding:.35rem .6rem;border:1px solid var(--line);border-radius:.4rem;
  background:transparent;color:inherit}
h1{margin:0 0 .5rem}h2{margin:2.6rem 0 .1rem}h4{margin:1rem 0 .2rem}
p{margin:.4rem 0}.dim{color:var(--dim)}
details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:.45rem .8rem}
details[open]>summary{margin-bottom:.5rem}
summary{cursor:pointer}
.m{display:inline-block;min-width:4.2rem;font:700 12px ui-monospace,monospace}
nav .m{min-width:3.4rem;font-size:11px}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.delete{color:var(--delete)}
table{border-collapse:collapse;width:100%;font-size:14px}
td,th{border-bottom:1px solid var(--line);padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top}
th{color:var(--dim);font-weight:500}
.hidden{display:none}
@media(max-width:50rem){.layout{display:block}nav{position:static;height:auto;border:0}main{padding:1rem}}
"""

SCRIPT: Final = """
"use strict";
const find = document.getElementById("find");
const items = [...document.querySelectorAll("[data-find]")];
const open = () => {
  const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted && wanted.tagName === "DETAILS") { wanted.open = true; wanted.scrollIntoView(); }
};
const filter = () => {
  const words = find.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const item of items)
    item.classList.toggle("hidden", !words.every(word => item.dataset.find.includes(word)));
  for (const part of document.querySelectorAll("[data-part]"))
    part.classList.toggle("hidden", !part.querySelector("[data-find]:not(.hidden)"));
};
find.addEventListener("input", filter);
addEventListener("hashchange", open);
addEventListener("keydown", event => {
  if (event.key === "/" && document.activeElement !== find) { event.preventDefault(); find.focus(); }
  if (event.key === "Escape" && document.activeElement === find) { find.value = ""; filter(); }
});
open();
"""


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


#: Nothing is loaded, nothing is sent, nobody may frame it; only our own style and script.
CSP: Final = (
    f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
