import { q as quantile, v as version, p as parseNumber, c as createProgress, i as interruptible, a as printJson, b as print, f as formatTable, s as say, d as summarize, e as addModelOptions, r as runtimeOptions, g as formatBytes, h as formatMs, j as fail, k as processIo } from "./chunks/package-BWK74KI4.js";
import { Command } from "commander";
import { writeFile, readFile } from "node:fs/promises";
import { S as Scheduler, T as TurnLoop, G as GREEDY, p as policies, o as openDevice, b as openGguf, a as openRunner, i as invalidOption, d as checkNumber, g as greedy, F as FED_TOKEN, e as catalogue, c as checkRuntimeOptions, K as Kernel, t as tensorNames, r as readModelConfig, v as vocabOf, f as TensorTable, h as planKvPool, B as BLOCK_TOKENS, j as recallKernels, k as createTokenizer, l as createChatTemplate } from "./chunks/runtime-BhiITdvg.js";
import { I as InputError, C as CapacityError, D as DeviceError, M as ModelError } from "./chunks/errors-Dmr1zGcT.js";
import { setMaxListeners, once } from "node:events";
import { o as openAdapter, a as createNodePlatform, r as restingWait, b as cacheFolder, c as createRuntime } from "./chunks/node-DUTOTOnI.js";
import { execFileSync, spawn, fork, execFile } from "node:child_process";
import { readFileSync, mkdtempSync, rmSync, mkdirSync, existsSync, symlinkSync, statSync, createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { loadavg, cpus, totalmem, type, release, arch, tmpdir, availableParallelism } from "node:os";
import { dirname, join, basename, extname, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { s as shapes, o as openRandomModel, R as RandomWords, H as HostMemory } from "./chunks/shapes-CkBEtsH_.js";
import { i as inClone, r as runStep, n as npm, S as SetupError, B as Browser, e as ensureChromium, f as findChromium, c as canFetchSwiftshader, a as fetchSwiftshader, s as swiftshaderFolder } from "./chunks/browser-CErZxCMG.js";
import { text } from "node:stream/consumers";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { createInterface } from "node:readline";
import { createServer } from "node:http";
function parseTrace(text2, name) {
  const lines = text2.split("\n").flatMap((line, index) => line.trim() === "" ? [] : [parseLine(line, index + 1, name)]);
  const [first] = lines;
  if (first === void 0) throw invalid(name, 1, "it has no line");
  const isMooncake = "hash_ids" in first.fields;
  return isMooncake ? fromRequests(lines, name) : fromTurns(lines, name);
}
function fromTurns(lines, name) {
  const open2 = /* @__PURE__ */ new Map();
  for (const { number, fields } of lines) {
    const id = String(fields.session_id ?? "");
    if (id === "") throw invalid(name, number, "it has no session_id");
    const turn = {
      inputTokens: countOf(fields, "input_length", number, name),
      outputTokens: countOf(fields, "output_length", number, name)
    };
    const known = open2.get(id);
    if (known) known.turns.push({ ...turn, delayMs: timeOf(fields, "delay", number, name) });
    else
      open2.set(id, {
        id,
        arrivalMs: timeOf(fields, "timestamp", number, name),
        turns: [{ ...turn, delayMs: 0 }]
      });
  }
  return inOrder([...open2.values()]);
}
function fromRequests(lines, name) {
  const open2 = [];
  const byPrefix = /* @__PURE__ */ new Map();
  for (const { number, fields } of lines) {
    const ids = fields.hash_ids;
    if (!Array.isArray(ids)) throw invalid(name, number, "its hash_ids are no list");
    const timestampMs = timeOf(fields, "timestamp", number, name);
    const tokens = countOf(fields, "input_length", number, name);
    const outputTokens = countOf(fields, "output_length", number, name);
    const found = longestPrefix(byPrefix, ids);
    const state = found && found.state.tokens < tokens ? found.state : void 0;
    if (found && state) {
      byPrefix.delete(found.key);
      const delayMs = Math.max(0, timestampMs - state.lastMs);
      state.conversation.turns.push({ inputTokens: tokens - state.tokens, outputTokens, delayMs });
    }
    const conversation = state?.conversation ?? {
      id: `session-${open2.length + 1}`,
      arrivalMs: timestampMs,
      turns: [{ inputTokens: tokens, outputTokens, delayMs: 0 }]
    };
    if (!state) open2.push(conversation);
    byPrefix.set(keyOf(ids, Math.max(1, ids.length - 1)), {
      conversation,
      tokens: tokens + outputTokens,
      lastMs: timestampMs
    });
  }
  return inOrder(open2);
}
function longestPrefix(byPrefix, ids) {
  for (let length = ids.length; length > 0; length--) {
    const key = keyOf(ids, length);
    const state = byPrefix.get(key);
    if (state !== void 0) return { key, state };
  }
  return void 0;
}
function keyOf(ids, length) {
  return ids.slice(0, length).join(" ");
}
function inOrder(conversations) {
  const sorted = conversations.toSorted((a, b) => a.arrivalMs - b.arrivalMs);
  const begin = sorted[0]?.arrivalMs ?? 0;
  return sorted.map((conversation) => ({ ...conversation, arrivalMs: conversation.arrivalMs - begin }));
}
function parseLine(text2, number, name) {
  try {
    const fields = JSON.parse(text2);
    if (typeof fields === "object" && fields !== null && !Array.isArray(fields))
      return { number, fields };
  } catch {
  }
  throw invalid(name, number, "it is no JSON object");
}
function countOf(fields, field, number, name) {
  const value = fields[field];
  if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
  throw invalid(name, number, `its ${field} is no whole number of at least 1`);
}
function timeOf(fields, field, number, name) {
  const value = fields[field];
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw invalid(name, number, `its ${field} is no number of milliseconds`);
}
function invalid(file, line, why) {
  return new InputError("invalid-option", `Line ${line} of ${file} is no turn of a trace: ${why}.`, {
    file,
    line
  });
}
const uplot = '/*! https://github.com/leeoniya/uPlot (v1.6.32) */\nvar uPlot=function(){"use strict";const l="u-off",e="u-label",t="width",n="height",i="top",o="bottom",s="left",r="right",u="#000",a=u+"0",f="mousemove",c="mousedown",h="mouseup",d="mouseenter",p="mouseleave",m="dblclick",g="change",x="dppxchange",w="--",_="undefined"!=typeof window,b=_?document:null,v=_?window:null,k=_?navigator:null;let y,M;function S(l,e){if(null!=e){let t=l.classList;!t.contains(e)&&t.add(e)}}function T(l,e){let t=l.classList;t.contains(e)&&t.remove(e)}function E(l,e,t){l.style[e]=t+"px"}function z(l,e,t,n){let i=b.createElement(l);return null!=e&&S(i,e),null!=t&&t.insertBefore(i,n),i}function D(l,e){return z("div",l,e)}const P=new WeakMap;function A(e,t,n,i,o){let s="translate("+t+"px,"+n+"px)";s!=P.get(e)&&(e.style.transform=s,P.set(e,s),0>t||0>n||t>i||n>o?S(e,l):T(e,l))}const W=new WeakMap;function Y(l,e,t){let n=e+t;n!=W.get(l)&&(W.set(l,n),l.style.background=e,l.style.borderColor=t)}const C=new WeakMap;function H(l,e,t,n){let i=e+""+t;i!=C.get(l)&&(C.set(l,i),l.style.height=t+"px",l.style.width=e+"px",l.style.marginLeft=n?-e/2+"px":0,l.style.marginTop=n?-t/2+"px":0)}const F={passive:!0},R={...F,capture:!0};function G(l,e,t,n){e.addEventListener(l,t,n?R:F)}function I(l,e,t){e.removeEventListener(l,t,F)}function L(l,e,t,n){let i;t=t||0;let o=2147483647>=(n=n||e.length-1);for(;n-t>1;)i=o?t+n>>1:sl((t+n)/2),l>e[i]?t=i:n=i;return l-e[t]>e[n]-l?n:t}function O(l){return(e,t,n)=>{let i=-1,o=-1;for(let o=t;n>=o;o++)if(l(e[o])){i=o;break}for(let i=n;i>=t;i--)if(l(e[i])){o=i;break}return[i,o]}}_&&function l(){let e=devicePixelRatio;y!=e&&(y=e,M&&I(g,M,l),M=matchMedia(`(min-resolution: ${y-.001}dppx) and (max-resolution: ${y+.001}dppx)`),G(g,M,l),v.dispatchEvent(new CustomEvent(x)))}();const N=l=>null!=l,j=l=>null!=l&&l>0,U=O(N),V=O(j);function B(l,e,t,n){let i=hl(l),o=hl(e);l==e&&(-1==i?(l*=t,e/=t):(l/=t,e*=t));let s=10==t?dl:pl,r=1==o?ul:sl,u=(1==i?sl:ul)(s(ol(l))),a=r(s(ol(e))),f=cl(t,u),c=cl(t,a);return 10==t&&(0>u&&(f=Al(f,-u)),0>a&&(c=Al(c,-a))),n||2==t?(l=f*i,e=c*o):(l=Pl(l,f),e=Dl(e,c)),[l,e]}function $(l,e,t,n){let i=B(l,e,t,n);return 0==l&&(i[0]=0),0==e&&(i[1]=0),i}const J=.1,q={mode:3,pad:J},K={pad:0,soft:null,mode:0},X={min:K,max:K};function Z(l,e,t,n){return Ol(t)?ll(l,e,t):(K.pad=t,K.soft=n?0:null,K.mode=n?3:0,ll(l,e,X))}function Q(l,e){return null==l?e:l}function ll(l,e,t){let n=t.min,i=t.max,o=Q(n.pad,0),s=Q(i.pad,0),r=Q(n.hard,-gl),u=Q(i.hard,gl),a=Q(n.soft,gl),f=Q(i.soft,-gl),c=Q(n.mode,0),h=Q(i.mode,0),d=e-l,p=dl(d),m=fl(ol(l),ol(e)),g=dl(m),x=ol(g-p);(1e-24>d||x>10)&&(d=0,0!=l&&0!=e||(d=1e-24,2==c&&a!=gl&&(o=0),2==h&&f!=-gl&&(s=0)));let w=d||m||1e3,_=dl(w),b=cl(10,sl(_)),v=Al(Pl(l-w*(0==d?0==l?.1:1:o),b/10),24),k=a>l||1!=c&&(3!=c||v>a)&&(2!=c||a>v)?gl:a,y=fl(r,k>v&&l>=k?k:al(k,v)),M=Al(Dl(e+w*(0==d?0==e?.1:1:s),b/10),24),S=e>f||1!=h&&(3!=h||f>M)&&(2!=h||M>f)?-gl:f,T=al(u,M>S&&S>=e?S:fl(S,M));return y==T&&0==y&&(T=100),[y,T]}const el=new Intl.NumberFormat(_?k.language:"en-US"),tl=l=>el.format(l),nl=Math,il=nl.PI,ol=nl.abs,sl=nl.floor,rl=nl.round,ul=nl.ceil,al=nl.min,fl=nl.max,cl=nl.pow,hl=nl.sign,dl=nl.log10,pl=nl.log2,ml=(l,e=1)=>nl.asinh(l/e),gl=1/0;function xl(l){return 1+(0|dl((l^l>>31)-(l>>31)))}function wl(l,e,t){return al(fl(l,e),t)}function _l(l){return"function"==typeof l}function bl(l){return _l(l)?l:()=>l}const vl=l=>l,kl=(l,e)=>e,yl=()=>null,Ml=()=>!0,Sl=(l,e)=>l==e,Tl=/\\.\\d*?(?=9{6,}|0{6,})/gm,El=l=>{if(Il(l)||Wl.has(l))return l;const e=""+l,t=e.match(Tl);if(null==t)return l;let n=t[0].length-1;if(-1!=e.indexOf("e-")){let[l,t]=e.split("e");return+`${El(l)}e${t}`}return Al(l,n)};function zl(l,e){return El(Al(El(l/e))*e)}function Dl(l,e){return El(ul(El(l/e))*e)}function Pl(l,e){return El(sl(El(l/e))*e)}function Al(l,e=0){if(Il(l))return l;let t=10**e;return rl(l*t*(1+Number.EPSILON))/t}const Wl=new Map;function Yl(l){return((""+l).split(".")[1]||"").length}function Cl(l,e,t,n){let i=[],o=n.map(Yl);for(let s=e;t>s;s++){let e=ol(s),t=Al(cl(l,s),e);for(let r=0;n.length>r;r++){let u=10==l?+`${n[r]}e${s}`:n[r]*t,a=(0>s?e:0)+(o[r]>s?o[r]:0),f=10==l?u:Al(u,a);i.push(f),Wl.set(f,a)}}return i}const Hl={},Fl=[],Rl=[null,null],Gl=Array.isArray,Il=Number.isInteger;function Ll(l){return"string"==typeof l}function Ol(l){let e=!1;if(null!=l){let t=l.constructor;e=null==t||t==Object}return e}function Nl(l){return null!=l&&"object"==typeof l}const jl=Object.getPrototypeOf(Uint8Array),Ul="__proto__";function Vl(l,e=Ol){let t;if(Gl(l)){let n=l.find((l=>null!=l));if(Gl(n)||e(n)){t=Array(l.length);for(let n=0;l.length>n;n++)t[n]=Vl(l[n],e)}else t=l.slice()}else if(l instanceof jl)t=l.slice();else if(e(l)){t={};for(let n in l)n!=Ul&&(t[n]=Vl(l[n],e))}else t=l;return t}function Bl(l){let e=arguments;for(let t=1;e.length>t;t++){let n=e[t];for(let e in n)e!=Ul&&(Ol(l[e])?Bl(l[e],Vl(n[e])):l[e]=Vl(n[e]))}return l}function $l(l,e,t){for(let n,i=0,o=-1;e.length>i;i++){let s=e[i];if(s>o){for(n=s-1;n>=0&&null==l[n];)l[n--]=null;for(n=s+1;t>n&&null==l[n];)l[o=n++]=null}}}const Jl="undefined"==typeof queueMicrotask?l=>Promise.resolve().then(l):queueMicrotask,ql=["January","February","March","April","May","June","July","August","September","October","November","December"],Kl=["Sunday","Monday","Tuesday","Wednesday","Thursday","Friday","Saturday"];function Xl(l){return l.slice(0,3)}const Zl=Kl.map(Xl),Ql=ql.map(Xl),le={MMMM:ql,MMM:Ql,WWWW:Kl,WWW:Zl};function ee(l){return(10>l?"0":"")+l}const te={YYYY:l=>l.getFullYear(),YY:l=>(l.getFullYear()+"").slice(2),MMMM:(l,e)=>e.MMMM[l.getMonth()],MMM:(l,e)=>e.MMM[l.getMonth()],MM:l=>ee(l.getMonth()+1),M:l=>l.getMonth()+1,DD:l=>ee(l.getDate()),D:l=>l.getDate(),WWWW:(l,e)=>e.WWWW[l.getDay()],WWW:(l,e)=>e.WWW[l.getDay()],HH:l=>ee(l.getHours()),H:l=>l.getHours(),h:l=>{let e=l.getHours();return 0==e?12:e>12?e-12:e},AA:l=>12>l.getHours()?"AM":"PM",aa:l=>12>l.getHours()?"am":"pm",a:l=>12>l.getHours()?"a":"p",mm:l=>ee(l.getMinutes()),m:l=>l.getMinutes(),ss:l=>ee(l.getSeconds()),s:l=>l.getSeconds(),fff:l=>function(l){return(10>l?"00":100>l?"0":"")+l}(l.getMilliseconds())};function ne(l,e){e=e||le;let t,n=[],i=/\\{([a-z]+)\\}|[^{]+/gi;for(;t=i.exec(l);)n.push("{"==t[0][0]?te[t[1]]:t[0]);return l=>{let t="";for(let i=0;n.length>i;i++)t+="string"==typeof n[i]?n[i]:n[i](l,e);return t}}const ie=(new Intl.DateTimeFormat).resolvedOptions().timeZone,oe=l=>l%1==0,se=[1,2,2.5,5],re=Cl(10,-32,0,se),ue=Cl(10,0,32,se),ae=ue.filter(oe),fe=re.concat(ue),ce="{YYYY}",he="\\n"+ce,de="{M}/{D}",pe="\\n"+de,me=pe+"/{YY}",ge="{aa}",xe="{h}:{mm}"+ge,we="\\n"+xe,_e=":{ss}",be=null;function ve(l){let e=1e3*l,t=60*e,n=60*t,i=24*n,o=30*i,s=365*i;return[(1==l?Cl(10,0,3,se).filter(oe):Cl(10,-3,0,se)).concat([e,5*e,10*e,15*e,30*e,t,5*t,10*t,15*t,30*t,n,2*n,3*n,4*n,6*n,8*n,12*n,i,2*i,3*i,4*i,5*i,6*i,7*i,8*i,9*i,10*i,15*i,o,2*o,3*o,4*o,6*o,s,2*s,5*s,10*s,25*s,50*s,100*s]),[[s,ce,be,be,be,be,be,be,1],[28*i,"{MMM}",he,be,be,be,be,be,1],[i,de,he,be,be,be,be,be,1],[n,"{h}"+ge,me,be,pe,be,be,be,1],[t,xe,me,be,pe,be,be,be,1],[e,_e,me+" "+xe,be,pe+" "+xe,be,we,be,1],[l,_e+".{fff}",me+" "+xe,be,pe+" "+xe,be,we,be,1]],function(e){return(r,u,a,f,c,h)=>{let d=[],p=c>=s,m=c>=o&&s>c,g=e(a),x=Al(g*l,3),w=Pe(g.getFullYear(),p?0:g.getMonth(),m||p?1:g.getDate()),_=Al(w*l,3);if(m||p){let t=m?c/o:0,n=p?c/s:0,i=x==_?x:Al(Pe(w.getFullYear()+n,w.getMonth()+t,1)*l,3),r=new Date(rl(i/l)),u=r.getFullYear(),a=r.getMonth();for(let o=0;f>=i;o++){let s=Pe(u+n*o,a+t*o,1),r=s-e(Al(s*l,3));i=Al((+s+r)*l,3),i>f||d.push(i)}}else{let o=i>c?c:i,s=_+(sl(a)-sl(x))+Dl(x-_,o);d.push(s);let p=e(s),m=p.getHours()+p.getMinutes()/t+p.getSeconds()/n,g=c/n,w=h/r.axes[u]._space;for(;s=Al(s+c,1==l?0:3),f>=s;)if(g>1){let l=sl(Al(m+g,6))%24,t=e(s).getHours()-l;t>1&&(t=-1),s-=t*n,m=(m+g)%24,.7>Al((s-d[d.length-1])/c,3)*w||d.push(s)}else d.push(s)}return d}}]}const[ke,ye,Me]=ve(1),[Se,Te,Ee]=ve(.001);function ze(l,e){return l.map((l=>l.map(((t,n)=>0==n||8==n||null==t?t:e(1==n||0==l[8]?t:l[1]+t)))))}function De(l,e){return(t,n,i,o,s)=>{let r,u,a,f,c,h,d=e.find((l=>s>=l[0]))||e[e.length-1];return n.map((e=>{let t=l(e),n=t.getFullYear(),i=t.getMonth(),o=t.getDate(),s=t.getHours(),p=t.getMinutes(),m=t.getSeconds(),g=n!=r&&d[2]||i!=u&&d[3]||o!=a&&d[4]||s!=f&&d[5]||p!=c&&d[6]||m!=h&&d[7]||d[1];return r=n,u=i,a=o,f=s,c=p,h=m,g(t)}))}}function Pe(l,e,t){return new Date(l,e,t)}function Ae(l,e){return e(l)}function We(l,e){return(t,n,i,o)=>null==o?w:e(l(n))}Cl(2,-53,53,[1]);const Ye={show:!0,live:!0,isolate:!1,mount:()=>{},markers:{show:!0,width:2,stroke:function(l,e){let t=l.series[e];return t.width?t.stroke(l,e):t.points.width?t.points.stroke(l,e):null},fill:function(l,e){return l.series[e].fill(l,e)},dash:"solid"},idx:null,idxs:null,values:[]},Ce=[0,0];function He(l,e,t,n=!0){return l=>{0==l.button&&(!n||l.target==e)&&t(l)}}function Fe(l,e,t,n=!0){return l=>{(!n||l.target==e)&&t(l)}}const Re={show:!0,x:!0,y:!0,lock:!1,move:function(l,e,t){return Ce[0]=e,Ce[1]=t,Ce},points:{one:!1,show:function(l,e){let i=l.cursor.points,o=D(),s=i.size(l,e);E(o,t,s),E(o,n,s);let r=s/-2;E(o,"marginLeft",r),E(o,"marginTop",r);let u=i.width(l,e,s);return u&&E(o,"borderWidth",u),o},size:function(l,e){return l.series[e].points.size},width:0,stroke:function(l,e){let t=l.series[e].points;return t._stroke||t._fill},fill:function(l,e){let t=l.series[e].points;return t._fill||t._stroke}},bind:{mousedown:He,mouseup:He,click:He,dblclick:He,mousemove:Fe,mouseleave:Fe,mouseenter:Fe},drag:{setScale:!0,x:!0,y:!1,dist:0,uni:null,click:(l,e)=>{e.stopPropagation(),e.stopImmediatePropagation()},_x:!1,_y:!1},focus:{dist:(l,e,t,n,i)=>n-i,prox:-1,bias:0},hover:{skip:[void 0],prox:null,bias:0},left:-10,top:-10,idx:null,dataIdx:null,idxs:null,event:null},Ge={show:!0,stroke:"rgba(0,0,0,0.07)",width:2},Ie=Bl({},Ge,{filter:kl}),Le=Bl({},Ie,{size:10}),Oe=Bl({},Ge,{show:!1}),Ne=\'12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Noto Color Emoji"\',je="bold "+Ne,Ue={show:!0,scale:"x",stroke:u,space:50,gap:5,alignTo:1,size:50,labelGap:0,labelSize:30,labelFont:je,side:2,grid:Ie,ticks:Le,border:Oe,font:Ne,lineGap:1.5,rotate:0},Ve={show:!0,scale:"x",auto:!1,sorted:1,min:gl,max:-gl,idxs:[]};function Be(l,e){return e.map((l=>null==l?"":tl(l)))}function $e(l,e,t,n,i,o,s){let r=[],u=Wl.get(i)||0;for(let l=t=s?t:Al(Dl(t,i),u);n>=l;l=Al(l+i,u))r.push(Object.is(l,-0)?0:l);return r}function Je(l,e,t,n,i){const o=[],s=l.scales[l.axes[e].scale].log,r=sl((10==s?dl:pl)(t));i=cl(s,r),10==s&&(i=fe[L(i,fe)]);let u=t,a=i*s;10==s&&(a=fe[L(a,fe)]);do{o.push(u),u+=i,10!=s||Wl.has(u)||(u=Al(u,Wl.get(i))),a>u||(a=(i=u)*s,10==s&&(a=fe[L(a,fe)]))}while(n>=u);return o}function qe(l,e,t,n,i){let o=l.scales[l.axes[e].scale].asinh,s=n>o?Je(l,e,fl(o,t),n,i):[o],r=0>n||t>0?[]:[0];return(-o>t?Je(l,e,fl(o,-n),-t,i):[o]).reverse().map((l=>-l)).concat(r,s)}const Ke=/./,Xe=/[12357]/,Ze=/[125]/,Qe=/1/,lt=(l,e,t,n)=>l.map(((l,i)=>4==e&&0==l||i%n==0&&t.test(l.toExponential()[0>l?1:0])?l:null));function et(l,e,t){let n=l.axes[t],i=n.scale,o=l.scales[i],s=l.valToPos,r=n._space,u=s(10,i),a=s(9,i)-u<r?s(7,i)-u<r?s(5,i)-u<r?Qe:Ze:Xe:Ke;if(a==Qe){let l=ol(s(1,i)-u);if(r>l)return lt(e.slice().reverse(),o.distr,a,ul(r/l)).reverse()}return lt(e,o.distr,a,1)}function tt(l,e,t){let n=l.axes[t],i=n.scale,o=n._space,s=l.valToPos,r=ol(s(1,i)-s(2,i));return o>r?lt(e.slice().reverse(),3,Ke,ul(o/r)).reverse():e}function nt(l,e,t,n){return null==n?w:null==e?"":tl(e)}const it={show:!0,scale:"y",stroke:u,space:30,gap:5,alignTo:1,size:50,labelGap:0,labelSize:30,labelFont:je,side:3,grid:Ie,ticks:Le,border:Oe,font:Ne,lineGap:1.5,rotate:0},ot={scale:null,auto:!0,sorted:0,min:gl,max:-gl},st=(l,e,t,n,i)=>i,rt={show:!0,auto:!0,sorted:0,gaps:st,alpha:1,facets:[Bl({},ot,{scale:"x"}),Bl({},ot,{scale:"y"})]},ut={scale:"y",auto:!0,sorted:0,show:!0,spanGaps:!1,gaps:st,alpha:1,points:{show:function(l,e){let{scale:t,idxs:n}=l.series[0],i=l._data[0],o=l.valToPos(i[n[0]],t,!0),s=l.valToPos(i[n[1]],t,!0);return ol(s-o)/(l.series[e].points.space*y)>=n[1]-n[0]},filter:null},values:null,min:gl,max:-gl,idxs:[],path:null,clip:null};function at(l,e,t){return t/10}const ft={time:!0,auto:!0,distr:1,log:10,asinh:1,min:null,max:null,dir:1,ori:0},ct=Bl({},ft,{time:!1,ori:1}),ht={};function dt(l){let e=ht[l];return e||(e={key:l,plots:[],sub(l){e.plots.push(l)},unsub(l){e.plots=e.plots.filter((e=>e!=l))},pub(l,t,n,i,o,s,r){for(let u=0;e.plots.length>u;u++)e.plots[u]!=t&&e.plots[u].pub(l,t,n,i,o,s,r)}},null!=l&&(ht[l]=e)),e}function pt(l,e,t){const n=l.mode,i=l.series[e],o=2==n?l._data[e]:l._data,s=l.scales,r=l.bbox;let u=o[0],a=2==n?o[1]:o[e],f=2==n?s[i.facets[0].scale]:s[l.series[0].scale],c=2==n?s[i.facets[1].scale]:s[i.scale],h=r.left,d=r.top,p=r.width,m=r.height,g=l.valToPosH,x=l.valToPosV;return 0==f.ori?t(i,u,a,f,c,g,x,h,d,p,m,kt,Mt,Tt,zt,Pt):t(i,u,a,f,c,x,g,d,h,m,p,yt,St,Et,Dt,At)}function mt(l,e){let t=0,n=0,i=Q(l.bands,Fl);for(let l=0;i.length>l;l++){let o=i[l];o.series[0]==e?t=o.dir:o.series[1]==e&&(n|=1==o.dir?1:2)}return[t,1==n?-1:2==n?1:3==n?2:0]}function gt(l,e,t,n,i){let o=l.series[e],s=l.scales[2==l.mode?o.facets[1].scale:o.scale];return-1==i?s.min:1==i?s.max:3==s.distr?1==s.dir?s.min:s.max:0}function xt(l,e,t,n,i,o){return pt(l,e,((l,e,s,r,u,a,f,c,h,d,p)=>{let m=l.pxRound;const g=0==r.ori?Mt:St;let x,w;1==r.dir*(0==r.ori?1:-1)?(x=t,w=n):(x=n,w=t);let _=m(a(e[x],r,d,c)),b=m(f(s[x],u,p,h)),v=m(a(e[w],r,d,c)),k=m(f(1==o?u.max:u.min,u,p,h)),y=new Path2D(i);return g(y,v,k),g(y,_,k),g(y,_,b),y}))}function wt(l,e,t,n,i,o){let s=null;if(l.length>0){s=new Path2D;const r=0==e?Tt:Et;let u=t;for(let e=0;l.length>e;e++){let t=l[e];if(t[1]>t[0]){let l=t[0]-u;l>0&&r(s,u,n,l,n+o),u=t[1]}}let a=t+i-u,f=10;a>0&&r(s,u,n-f/2,a,n+o+f)}return s}function _t(l,e,t,n,i,o,s){let r=[],u=l.length;for(let a=1==i?t:n;a>=t&&n>=a;a+=i)if(null===e[a]){let f=a,c=a;if(1==i)for(;++a<=n&&null===e[a];)c=a;else for(;--a>=t&&null===e[a];)c=a;let h=o(l[f]),d=c==f?h:o(l[c]),p=f-i;h=s>0||0>p||p>=u?h:o(l[p]);let m=c+i;d=0>s||0>m||m>=u?d:o(l[m]),h>d||r.push([h,d])}return r}function bt(l){return 0==l?vl:1==l?rl:e=>zl(e,l)}function vt(l){let e=0==l?kt:yt,t=0==l?(l,e,t,n,i,o)=>{l.arcTo(e,t,n,i,o)}:(l,e,t,n,i,o)=>{l.arcTo(t,e,i,n,o)},n=0==l?(l,e,t,n,i)=>{l.rect(e,t,n,i)}:(l,e,t,n,i)=>{l.rect(t,e,i,n)};return(l,i,o,s,r,u=0,a=0)=>{0==u&&0==a?n(l,i,o,s,r):(u=al(u,s/2,r/2),a=al(a,s/2,r/2),e(l,i+u,o),t(l,i+s,o,i+s,o+r,u),t(l,i+s,o+r,i,o+r,a),t(l,i,o+r,i,o,a),t(l,i,o,i+s,o,u),l.closePath())}}const kt=(l,e,t)=>{l.moveTo(e,t)},yt=(l,e,t)=>{l.moveTo(t,e)},Mt=(l,e,t)=>{l.lineTo(e,t)},St=(l,e,t)=>{l.lineTo(t,e)},Tt=vt(0),Et=vt(1),zt=(l,e,t,n,i,o)=>{l.arc(e,t,n,i,o)},Dt=(l,e,t,n,i,o)=>{l.arc(t,e,n,i,o)},Pt=(l,e,t,n,i,o,s)=>{l.bezierCurveTo(e,t,n,i,o,s)},At=(l,e,t,n,i,o,s)=>{l.bezierCurveTo(t,e,i,n,s,o)};function Wt(){return(l,e,t,n,i)=>pt(l,e,((e,o,s,r,u,a,f,c,h,d,p)=>{let m,g,{pxRound:x,points:w}=e;0==r.ori?(m=kt,g=zt):(m=yt,g=Dt);const _=Al(w.width*y,3);let b=(w.size-w.width)/2*y,v=Al(2*b,3),k=new Path2D,M=new Path2D,{left:S,top:T,width:E,height:z}=l.bbox;Tt(M,S-v,T-v,E+2*v,z+2*v);const D=l=>{if(null!=s[l]){let e=x(a(o[l],r,d,c)),t=x(f(s[l],u,p,h));m(k,e+b,t),g(k,e,t,b,0,2*il)}};if(i)i.forEach(D);else for(let l=t;n>=l;l++)D(l);return{stroke:_>0?k:null,fill:k,clip:M,flags:3}}))}function Yt(l){return(e,t,n,i,o,s)=>{n!=i&&(o!=n&&s!=n&&l(e,t,n),o!=i&&s!=i&&l(e,t,i),l(e,t,s))}}const Ct=Yt(Mt),Ht=Yt(St);function Ft(l){const e=Q(l?.alignGaps,0);return(l,t,n,i)=>pt(l,t,((o,s,r,u,a,f,c,h,d,p,m)=>{[n,i]=U(r,n,i);let g,x,w=o.pxRound,_=l=>w(f(l,u,p,h)),b=l=>w(c(l,a,m,d));0==u.ori?(g=Mt,x=Ct):(g=St,x=Ht);const v=u.dir*(0==u.ori?1:-1),k={stroke:new Path2D,fill:null,clip:null,band:null,gaps:null,flags:1},y=k.stroke;let M=!1;if(i-n<4*p)for(let l=1==v?n:i;l>=n&&i>=l;l+=v){let e=r[l];null===e?M=!0:null!=e&&g(y,_(s[l]),b(e))}else{let e,t,o,a=e=>l.posToVal(e,u.key,!0),f=null,c=null,h=_(s[1==v?n:i]),d=_(s[n]),p=_(s[i]),m=a(1==v?d+1:p-1);for(let l=1==v?n:i;l>=n&&i>=l;l+=v){let n=s[l],i=(1==v?m>n:n>m)?h:_(n),o=r[l];i==h?null!=o?(t=o,null==f?(g(y,i,b(t)),e=f=c=t):f>t?f=t:t>c&&(c=t)):null===o&&(M=!0):(null!=f&&x(y,h,b(f),b(c),b(e),b(t)),null!=o?(t=o,g(y,i,b(t)),f=c=e=t):(f=c=null,null===o&&(M=!0)),h=i,m=a(h+v))}null!=f&&f!=c&&o!=h&&x(y,h,b(f),b(c),b(e),b(t))}let[S,T]=mt(l,t);if(null!=o.fill||0!=S){let e=k.fill=new Path2D(y),r=b(o.fillTo(l,t,o.min,o.max,S)),u=_(s[n]),a=_(s[i]);-1==v&&([a,u]=[u,a]),g(e,a,r),g(e,u,r)}if(!o.spanGaps){let a=[];M&&a.push(..._t(s,r,n,i,v,_,e)),k.gaps=a=o.gaps(l,t,n,i,a),k.clip=wt(a,u.ori,h,d,p,m)}return 0!=T&&(k.band=2==T?[xt(l,t,n,i,y,-1),xt(l,t,n,i,y,1)]:xt(l,t,n,i,y,T)),k}))}function Rt(l,e,t,n,i,o,s=gl){if(l.length>1){let r=null;for(let u=0,a=1/0;l.length>u;u++)if(void 0!==e[u]){if(null!=r){let e=ol(l[u]-l[r]);a>e&&(a=e,s=ol(t(l[u],n,i,o)-t(l[r],n,i,o)))}r=u}}return s}function Gt(l,e,t,n,i){const o=l.length;if(2>o)return null;const s=new Path2D;if(t(s,l[0],e[0]),2==o)n(s,l[1],e[1]);else{let t=Array(o),n=Array(o-1),r=Array(o-1),u=Array(o-1);for(let t=0;o-1>t;t++)r[t]=e[t+1]-e[t],u[t]=l[t+1]-l[t],n[t]=r[t]/u[t];t[0]=n[0];for(let l=1;o-1>l;l++)0===n[l]||0===n[l-1]||n[l-1]>0!=n[l]>0?t[l]=0:(t[l]=3*(u[l-1]+u[l])/((2*u[l]+u[l-1])/n[l-1]+(u[l]+2*u[l-1])/n[l]),isFinite(t[l])||(t[l]=0));t[o-1]=n[o-2];for(let n=0;o-1>n;n++)i(s,l[n]+u[n]/3,e[n]+t[n]*u[n]/3,l[n+1]-u[n]/3,e[n+1]-t[n+1]*u[n]/3,l[n+1],e[n+1])}return s}const It=new Set;function Lt(){for(let l of It)l.syncRect(!0)}_&&(G("resize",v,Lt),G("scroll",v,Lt,!0),G(x,v,(()=>{en.pxRatio=y})));const Ot=Ft(),Nt=Wt();function jt(l,e,t,n){return(n?[l[0],l[1]].concat(l.slice(2)):[l[0]].concat(l.slice(1))).map(((l,n)=>Ut(l,n,e,t)))}function Ut(l,e,t,n){return Bl({},0==e?t:n,l)}function Vt(l,e,t){return null==e?Rl:[e,t]}const Bt=Vt;function $t(l,e,t){return null==e?Rl:Z(e,t,J,!0)}function Jt(l,e,t,n){return null==e?Rl:B(e,t,l.scales[n].log,!1)}const qt=Jt;function Kt(l,e,t,n){return null==e?Rl:$(e,t,l.scales[n].log,!1)}const Xt=Kt;function Zt(l,e,t,n,i){let o=fl(xl(l),xl(e)),s=e-l,r=L(i/n*s,t);do{let l=t[r],e=n*l/s;if(e>=i&&17>=o+(5>l?Wl.get(l):0))return[l,e]}while(++r<t.length);return[0,0]}function Qt(l){let e,t;return[l=l.replace(/(\\d+)px/,((l,n)=>(e=rl((t=+n)*y))+"px")),e,t]}function ln(l){l.show&&[l.font,l.labelFont].forEach((l=>{let e=Al(l[2]*y,1);l[0]=l[0].replace(/[0-9.]+px/,e+"px"),l[1]=e}))}function en(u,g,_){const k={mode:Q(u.mode,1)},M=k.mode;function P(l,e,t,n){let i=e.valToPct(l);return n+t*(-1==e.dir?1-i:i)}function W(l,e,t,n){let i=e.valToPct(l);return n+t*(-1==e.dir?i:1-i)}function C(l,e,t,n){return 0==e.ori?P(l,e,t,n):W(l,e,t,n)}k.valToPosH=P,k.valToPosV=W;let F=!1;k.status=0;const R=k.root=D("uplot");null!=u.id&&(R.id=u.id),S(R,u.class),u.title&&(D("u-title",R).textContent=u.title);const O=z("canvas"),K=k.ctx=O.getContext("2d"),X=D("u-wrap",R);G("click",X,(l=>{l.target===el&&(Nn!=Gn||jn!=In)&&Zn.click(k,l)}),!0);const ll=k.under=D("u-under",X);X.appendChild(O);const el=k.over=D("u-over",X),tl=+Q((u=Vl(u)).pxAlign,1),sl=bt(tl);(u.plugins||[]).forEach((l=>{l.opts&&(u=l.opts(k,u)||u)}));const hl=u.ms||.001,pl=k.series=1==M?jt(u.series||[],Ve,ut,!1):function(l,e){return l.map(((l,t)=>0==t?{}:Bl({},e,l)))}(u.series||[null],rt),xl=k.axes=jt(u.axes||[],Ue,it,!0),vl=k.scales={},Tl=k.bands=u.bands||[];Tl.forEach((l=>{l.fill=bl(l.fill||null),l.dir=Q(l.dir,-1)}));const El=2==M?pl[1].facets[0].scale:pl[0].scale,Dl={axes:function(){for(let l=0;xl.length>l;l++){let e=xl[l];if(!e.show||!e._show)continue;let t,n,u=e.side,a=u%2,f=e.stroke(k,l),c=0==u||3==u?-1:1,[h,d]=e._found;if(null!=e.label){let s=rl((e._lpos+e.labelGap*c)*y);_n(e.labelFont[0],f,"center",2==u?i:o),K.save(),1==a?(t=n=0,K.translate(s,rl(lt+st/2)),K.rotate((3==u?-il:il)/2)):(t=rl(Qe+ot/2),n=s);let r=_l(e.label)?e.label(k,l,h,d):e.label;K.fillText(r,t,n),K.restore()}if(0==d)continue;let p=vl[e.scale],m=0==a?ot:st,g=0==a?Qe:lt,x=e._splits,w=2==p.distr?x.map((l=>pn[l])):x,_=2==p.distr?pn[x[1]]-pn[x[0]]:h,b=e.ticks,v=e.border,M=b.show?b.size:0,S=rl(M*y),T=rl((2==e.alignTo?e._size-M-e.gap:e.gap)*y),E=e._rotate*-il/180,z=sl(e._pos*y),D=z+(S+T)*c;n=0==a?D:0,t=1==a?D:0,_n(e.font[0],f,1==e.align?s:2==e.align?r:E>0?s:0>E?r:0==a?"center":3==u?r:s,E||1==a?"middle":2==u?i:o);let P=e.font[1]*e.lineGap,A=x.map((l=>sl(C(l,p,m,g)))),W=e._values;for(let l=0;W.length>l;l++){let e=W[l];if(null!=e){0==a?t=A[l]:n=A[l],e=""+e;let i=-1==e.indexOf("\\n")?[e]:e.split(/\\n/gm);for(let l=0;i.length>l;l++){let e=i[l];E?(K.save(),K.translate(t,n+l*P),K.rotate(E),K.fillText(e,0,0),K.restore()):K.fillText(e,t,n+l*P)}}}b.show&&zn(A,b.filter(k,w,l,d,_),a,u,z,S,Al(b.width*y,3),b.stroke(k,l),b.dash,b.cap);let Y=e.grid;Y.show&&zn(A,Y.filter(k,w,l,d,_),a,0==a?2:1,0==a?lt:Qe,0==a?st:ot,Al(Y.width*y,3),Y.stroke(k,l),Y.dash,Y.cap),v.show&&zn([z],[1],0==a?1:0,0==a?1:2,1==a?lt:Qe,1==a?st:ot,Al(v.width*y,3),v.stroke(k,l),v.dash,v.cap)}Ci("drawAxes")},series:function(){if(Gt>0){let l=pl.some((l=>l._focus))&&dn!=Tt.alpha;l&&(K.globalAlpha=dn=Tt.alpha),pl.forEach(((l,e)=>{if(e>0&&l.show&&(kn(e,!1),kn(e,!0),null==l._paths)){let t=dn;dn!=l.alpha&&(K.globalAlpha=dn=l.alpha);let n=2==M?[0,g[e][0].length-1]:function(l){let e=wl(Lt-1,0,Gt-1),t=wl(en+1,0,Gt-1);for(;null==l[e]&&e>0;)e--;for(;null==l[t]&&Gt-1>t;)t++;return[e,t]}(g[e]);l._paths=l.paths(k,e,n[0],n[1]),dn!=t&&(K.globalAlpha=dn=t)}})),pl.forEach(((l,e)=>{if(e>0&&l.show){let t=dn;dn!=l.alpha&&(K.globalAlpha=dn=l.alpha),null!=l._paths&&yn(e,!1);{let t=null!=l._paths?l._paths.gaps:null,n=l.points.show(k,e,Lt,en,t),i=l.points.filter(k,e,n,t);(n||i)&&(l.points._paths=l.points.paths(k,e,Lt,en,i),yn(e,!0))}dn!=t&&(K.globalAlpha=dn=t),Ci("drawSeries",e)}})),l&&(K.globalAlpha=dn=1)}}},Pl=(u.drawOrder||["axes","series"]).map((l=>Dl[l]));function Cl(l){const e=3==l.distr?e=>dl(e>0?e:l.clamp(k,e,l.min,l.max,l.key)):4==l.distr?e=>ml(e,l.asinh):100==l.distr?e=>l.fwd(e):l=>l;return t=>{let n=e(t),{_min:i,_max:o}=l;return(n-i)/(o-i)}}function Il(l){let e=vl[l];if(null==e){let t=(u.scales||Hl)[l]||Hl;if(null!=t.from){Il(t.from);let e=Bl({},vl[t.from],t,{key:l});e.valToPct=Cl(e),vl[l]=e}else{e=vl[l]=Bl({},l==El?ft:ct,t),e.key=l;let n=e.time,i=e.range,o=Gl(i);if((l!=El||2==M&&!n)&&(!o||null!=i[0]&&null!=i[1]||(i={min:null==i[0]?q:{mode:1,hard:i[0],soft:i[0]},max:null==i[1]?q:{mode:1,hard:i[1],soft:i[1]}},o=!1),!o&&Ol(i))){let l=i;i=(e,t,n)=>null==t?Rl:Z(t,n,l)}e.range=bl(i||(n?Bt:l==El?3==e.distr?qt:4==e.distr?Xt:Vt:3==e.distr?Jt:4==e.distr?Kt:$t)),e.auto=bl(!o&&e.auto),e.clamp=bl(e.clamp||at),e._min=e._max=null,e.valToPct=Cl(e)}}}Il("x"),Il("y"),1==M&&pl.forEach((l=>{Il(l.scale)})),xl.forEach((l=>{Il(l.scale)}));for(let l in u.scales)Il(l);const jl=vl[El],Ul=jl.distr;let $l,ql;0==jl.ori?(S(R,"u-hz"),$l=P,ql=W):(S(R,"u-vt"),$l=W,ql=P);const Kl={};for(let l in vl){let e=vl[l];null==e.min&&null==e.max||(Kl[l]={min:e.min,max:e.max},e.min=e.max=null)}const Xl=u.tzDate||(l=>new Date(rl(l/hl))),Zl=u.fmtDate||ne,Ql=1==hl?Me(Xl):Ee(Xl),le=De(Xl,ze(1==hl?ye:Te,Zl)),ee=We(Xl,Ae("{YYYY}-{MM}-{DD} {h}:{mm}{aa}",Zl)),te=[],ie=k.legend=Bl({},Ye,u.legend),oe=k.cursor=Bl({},Re,{drag:{y:2==M}},u.cursor),se=ie.show,re=oe.show,ue=ie.markers;let ce,he,de;ie.idxs=te,ue.width=bl(ue.width),ue.dash=bl(ue.dash),ue.stroke=bl(ue.stroke),ue.fill=bl(ue.fill);let pe,me=[],ge=[],xe=!1,we={};if(ie.live){const l=pl[1]?pl[1].values:null;xe=null!=l,pe=xe?l(k,1,0):{_:0};for(let l in pe)we[l]=w}if(se)if(ce=z("table","u-legend",R),de=z("tbody",null,ce),ie.mount(k,ce),xe){he=z("thead",null,ce,de);let l=z("tr",null,he);for(var _e in z("th",null,l),pe)z("th",e,l).textContent=_e}else S(ce,"u-inline"),ie.live&&S(ce,"u-live");const be={show:!0},ve={show:!1},Pe=new Map;function Ce(l,e,t,n=!0){const i=Pe.get(e)||{},o=oe.bind[l](k,e,t,n);o&&(G(l,e,i[l]=o),Pe.set(e,i))}function He(l,e){const t=Pe.get(e)||{};for(let n in t)null!=l&&n!=l||(I(n,e,t[n]),delete t[n]);null==l&&Pe.delete(e)}let Fe=0,Ge=0,Ie=0,Le=0,Oe=0,Ne=0,je=Oe,Ke=Ne,Xe=Ie,Ze=Le,Qe=0,lt=0,ot=0,st=0;k.bbox={};let ht=!1,pt=!1,mt=!1,xt=!1,wt=!1,_t=!1;function vt(l,e,t){(t||l!=k.width||e!=k.height)&&kt(l,e),An(!1),mt=!0,pt=!0,Jn()}function kt(l,e){k.width=Fe=Ie=l,k.height=Ge=Le=e,Oe=Ne=0,function(){let l=!1,e=!1,t=!1,n=!1;xl.forEach((i=>{if(i.show&&i._show){let{side:o,_size:s}=i,r=s+(null!=i.label?i.labelSize:0);r>0&&(o%2?(Ie-=r,3==o?(Oe+=r,n=!0):t=!0):(Le-=r,0==o?(Ne+=r,l=!0):e=!0))}})),Ct[0]=l,Ct[1]=t,Ct[2]=e,Ct[3]=n,Ie-=Rt[1]+Rt[3],Oe+=Rt[3],Le-=Rt[2]+Rt[0],Ne+=Rt[0]}(),function(){let l=Oe+Ie,e=Ne+Le,t=Oe,n=Ne;function i(i,o){switch(i){case 1:return l+=o,l-o;case 2:return e+=o,e-o;case 3:return t-=o,t+o;case 0:return n-=o,n+o}}xl.forEach((l=>{if(l.show&&l._show){let e=l.side;l._pos=i(e,l._size),null!=l.label&&(l._lpos=i(e,l.labelSize))}}))}();let t=k.bbox;Qe=t.left=zl(Oe*y,.5),lt=t.top=zl(Ne*y,.5),ot=t.width=zl(Ie*y,.5),st=t.height=zl(Le*y,.5)}const yt=3;if(k.setSize=function({width:l,height:e}){vt(l,e)},null==oe.dataIdx){let l=oe.hover,e=l.skip=new Set(l.skip??[]);e.add(void 0);let t=l.prox=bl(l.prox),n=l.bias??=0;oe.dataIdx=(l,i,o,s)=>{if(0==i)return o;let r=o,u=t(l,i,o,s)??gl,a=u>=0&&gl>u,f=0==jl.ori?Ie:Le,c=oe.left,h=g[0],d=g[i];if(e.has(d[o])){r=null;let l,t=null,i=null;if(0==n||-1==n)for(l=o;null==t&&l-- >0;)e.has(d[l])||(t=l);if(0==n||1==n)for(l=o;null==i&&l++<d.length;)e.has(d[l])||(i=l);if(null!=t||null!=i)if(a){let l=c-(null==t?-1/0:$l(h[t],jl,f,0)),e=(null==i?1/0:$l(h[i],jl,f,0))-c;l>e?e>u||(r=i):l>u||(r=t)}else r=null==i?t:null==t||o-t>i-o?i:t}else a&&ol(c-$l(h[o],jl,f,0))>u&&(r=null);return r}}const Mt=l=>{oe.event=l};oe.idxs=te,oe._lock=!1;let St=oe.points;St.show=bl(St.show),St.size=bl(St.size),St.stroke=bl(St.stroke),St.width=bl(St.width),St.fill=bl(St.fill);const Tt=k.focus=Bl({},u.focus||{alpha:.3},oe.focus),Et=Tt.prox>=0,zt=Et&&St.one;let Dt=[],Pt=[],At=[];function Wt(l,e){let t=St.show(k,e);if(t instanceof HTMLElement)return S(t,"u-cursor-pt"),S(t,l.class),A(t,-10,-10,Ie,Le),el.insertBefore(t,Dt[e]),t}function Yt(t,n){if(1==M||n>0){let l=1==M&&vl[t.scale].time,e=t.value;t.value=l?Ll(e)?We(Xl,Ae(e,Zl)):e||ee:e||nt,t.label=t.label||(l?"Time":"Value")}if(zt||n>0){t.width=null==t.width?1:t.width,t.paths=t.paths||Ot||yl,t.fillTo=bl(t.fillTo||gt),t.pxAlign=+Q(t.pxAlign,tl),t.pxRound=bt(t.pxAlign),t.stroke=bl(t.stroke||null),t.fill=bl(t.fill||null),t._stroke=t._fill=t._paths=t._focus=null;let l=function(l){return Al(1*(3+2*(l||1)),3)}(fl(1,t.width)),e=t.points=Bl({},{size:l,width:fl(1,.2*l),stroke:t.stroke,space:2*l,paths:Nt,_stroke:null,_fill:null},t.points);e.show=bl(e.show),e.filter=bl(e.filter),e.fill=bl(e.fill),e.stroke=bl(e.stroke),e.paths=bl(e.paths),e.pxAlign=t.pxAlign}if(se){let i=function(t,n){if(0==n&&(xe||!ie.live||2==M))return Rl;let i=[],o=z("tr","u-series",de,de.childNodes[n]);S(o,t.class),t.show||S(o,l);let s=z("th",null,o);if(ue.show){let l=D("u-marker",s);if(n>0){let e=ue.width(k,n);e&&(l.style.border=e+"px "+ue.dash(k,n)+" "+ue.stroke(k,n)),l.style.background=ue.fill(k,n)}}let r=D(e,s);for(var u in t.label instanceof HTMLElement?r.appendChild(t.label):r.textContent=t.label,n>0&&(ue.show||(r.style.color=t.width>0?ue.stroke(k,n):ue.fill(k,n)),Ce("click",s,(l=>{if(oe._lock)return;Mt(l);let e=pl.indexOf(t);if((l.ctrlKey||l.metaKey)!=ie.isolate){let l=pl.some(((l,t)=>t>0&&t!=e&&l.show));pl.forEach(((t,n)=>{n>0&&oi(n,l?n==e?be:ve:be,!0,Fi.setSeries)}))}else oi(e,{show:!t.show},!0,Fi.setSeries)}),!1),Et&&Ce(d,s,(l=>{oe._lock||(Mt(l),oi(pl.indexOf(t),ai,!0,Fi.setSeries))}),!1)),pe){let l=z("td","u-value",o);l.textContent="--",i.push(l)}return[o,i]}(t,n);me.splice(n,0,i[0]),ge.splice(n,0,i[1]),ie.values.push(null)}if(re){te.splice(n,0,null);let l=null;zt?0==n&&(l=Wt(t,n)):n>0&&(l=Wt(t,n)),Dt.splice(n,0,l),Pt.splice(n,0,0),At.splice(n,0,0)}Ci("addSeries",n)}k.addSeries=function(l,e){e=null==e?pl.length:e,l=1==M?Ut(l,e,Ve,ut):Ut(l,e,{},rt),pl.splice(e,0,l),Yt(pl[e],e)},k.delSeries=function(l){if(pl.splice(l,1),se){ie.values.splice(l,1),ge.splice(l,1);let e=me.splice(l,1)[0];He(null,e.firstChild),e.remove()}re&&(te.splice(l,1),Dt.splice(l,1)[0].remove(),Pt.splice(l,1),At.splice(l,1)),Ci("delSeries",l)};const Ct=[!1,!1,!1,!1];function Ht(l,e,t){let[n,i,o,s]=t,r=e%2,u=0;return 0==r&&(s||i)&&(u=0==e&&!n||2==e&&!o?rl(Ue.size/3):0),1==r&&(n||o)&&(u=1==e&&!i||3==e&&!s?rl(it.size/2):0),u}const Ft=k.padding=(u.padding||[Ht,Ht,Ht,Ht]).map((l=>bl(Q(l,Ht)))),Rt=k._padding=Ft.map(((l,e)=>l(k,e,Ct,0)));let Gt,Lt=null,en=null;const tn=1==M?pl[0].idxs:null;let nn,on,sn,rn,un,an,fn,cn,hn,dn,pn=null,mn=!1;function gn(l,e){if(k.data=k._data=g=null==l?[]:l,2==M){Gt=0;for(let l=1;pl.length>l;l++)Gt+=g[l][0].length}else{0==g.length&&(k.data=k._data=g=[[]]),pn=g[0],Gt=pn.length;let l=g;if(2==Ul){l=g.slice();let e=l[0]=Array(Gt);for(let l=0;Gt>l;l++)e[l]=l}k._data=g=l}if(An(!0),Ci("setData"),2==Ul&&(mt=!0),!1!==e){let l=jl;l.auto(k,mn)?xn():ii(El,l.min,l.max),xt=xt||oe.left>=0,_t=!0,Jn()}}function xn(){let l,e;mn=!0,1==M&&(Gt>0?(Lt=tn[0]=0,en=tn[1]=Gt-1,l=g[0][Lt],e=g[0][en],2==Ul?(l=Lt,e=en):l==e&&(3==Ul?[l,e]=B(l,l,jl.log,!1):4==Ul?[l,e]=$(l,l,jl.log,!1):jl.time?e=l+rl(86400/hl):[l,e]=Z(l,e,J,!0))):(Lt=tn[0]=l=null,en=tn[1]=e=null)),ii(El,l,e)}function wn(l,e,t,n,i,o){l??=a,t??=Fl,n??="butt",i??=a,o??="round",l!=nn&&(K.strokeStyle=nn=l),i!=on&&(K.fillStyle=on=i),e!=sn&&(K.lineWidth=sn=e),o!=un&&(K.lineJoin=un=o),n!=an&&(K.lineCap=an=n),t!=rn&&K.setLineDash(rn=t)}function _n(l,e,t,n){e!=on&&(K.fillStyle=on=e),l!=fn&&(K.font=fn=l),t!=cn&&(K.textAlign=cn=t),n!=hn&&(K.textBaseline=hn=n)}function bn(l,e,t,n,i=0){if(n.length>0&&l.auto(k,mn)&&(null==e||null==e.min)){let e=Q(Lt,0),o=Q(en,n.length-1),s=null==t.min?function(l,e,t,n=0,i=!1){let o=i?V:U,s=i?j:N;[e,t]=o(l,e,t);let r=l[e],u=l[e];if(e>-1)if(1==n)r=l[e],u=l[t];else if(-1==n)r=l[t],u=l[e];else for(let n=e;t>=n;n++){let e=l[n];s(e)&&(r>e?r=e:e>u&&(u=e))}return[r??gl,u??-gl]}(n,e,o,i,3==l.distr):[t.min,t.max];l.min=al(l.min,t.min=s[0]),l.max=fl(l.max,t.max=s[1])}}k.setData=gn;const vn={min:null,max:null};function kn(l,e){let t=e?pl[l].points:pl[l];t._stroke=t.stroke(k,l),t._fill=t.fill(k,l)}function yn(l,e){let t=e?pl[l].points:pl[l],{stroke:n,fill:i,clip:o,flags:s,_stroke:r=t._stroke,_fill:u=t._fill,_width:a=t.width}=t._paths;a=Al(a*y,3);let f=null,c=a%2/2;e&&null==u&&(u=a>0?"#fff":r);let h=1==t.pxAlign&&c>0;if(h&&K.translate(c,c),!e){let l=Qe-a/2,e=lt-a/2,t=ot+a,n=st+a;f=new Path2D,f.rect(l,e,t,n)}e?Sn(r,a,t.dash,t.cap,u,n,i,s,o):function(l,e,t,n,i,o,s,r,u,a,f){let c=!1;0!=u&&Tl.forEach(((h,d)=>{if(h.series[0]==l){let l,p=pl[h.series[1]],m=g[h.series[1]],x=(p._paths||Hl).band;Gl(x)&&(x=1==h.dir?x[0]:x[1]);let w=null;p.show&&x&&function(l,e,t){for(e=Q(e,0),t=Q(t,l.length-1);t>=e;){if(null!=l[e])return!0;e++}return!1}(m,Lt,en)?(w=h.fill(k,d)||o,l=p._paths.clip):x=null,Sn(e,t,n,i,w,s,r,u,a,f,l,x),c=!0}})),c||Sn(e,t,n,i,o,s,r,u,a,f)}(l,r,a,t.dash,t.cap,u,n,i,s,f,o),h&&K.translate(-c,-c)}const Mn=3;function Sn(l,e,t,n,i,o,s,r,u,a,f,c){wn(l,e,t,n,i),(u||a||c)&&(K.save(),u&&K.clip(u),a&&K.clip(a)),c?(r&Mn)==Mn?(K.clip(c),f&&K.clip(f),En(i,s),Tn(l,o,e)):2&r?(En(i,s),K.clip(c),Tn(l,o,e)):1&r&&(K.save(),K.clip(c),f&&K.clip(f),En(i,s),K.restore(),Tn(l,o,e)):(En(i,s),Tn(l,o,e)),(u||a||c)&&K.restore()}function Tn(l,e,t){t>0&&(e instanceof Map?e.forEach(((l,e)=>{K.strokeStyle=nn=e,K.stroke(l)})):null!=e&&l&&K.stroke(e))}function En(l,e){e instanceof Map?e.forEach(((l,e)=>{K.fillStyle=on=e,K.fill(l)})):null!=e&&l&&K.fill(e)}function zn(l,e,t,n,i,o,s,r,u,a){let f=s%2/2;1==tl&&K.translate(f,f),wn(r,s,u,a,r),K.beginPath();let c,h,d,p,m=i+(0==n||3==n?-o:o);0==t?(h=i,p=m):(c=i,d=m);for(let n=0;l.length>n;n++)null!=e[n]&&(0==t?c=d=l[n]:h=p=l[n],K.moveTo(c,h),K.lineTo(d,p));K.stroke(),1==tl&&K.translate(-f,-f)}function Dn(l){let e=!0;return xl.forEach(((t,n)=>{if(!t.show)return;let i=vl[t.scale];if(null==i.min)return void(t._show&&(e=!1,t._show=!1,An(!1)));t._show||(e=!1,t._show=!0,An(!1));let o=t.side,s=o%2,{min:r,max:u}=i,[a,f]=function(l,e,t,n){let i,o=xl[l];if(n>0){let s=o._space=o.space(k,l,e,t,n);i=Zt(e,t,o._incrs=o.incrs(k,l,e,t,n,s),n,s)}else i=[0,0];return o._found=i}(n,r,u,0==s?Ie:Le);if(0==f)return;let c=t._splits=t.splits(k,n,r,u,a,f,2==i.distr),h=2==i.distr?c.map((l=>pn[l])):c,d=2==i.distr?pn[c[1]]-pn[c[0]]:a,p=t._values=t.values(k,t.filter(k,h,n,f,d),n,f,d);t._rotate=2==o?t.rotate(k,p,n,f):0;let m=t._size;t._size=ul(t.size(k,p,n,l)),null!=m&&t._size!=m&&(e=!1)})),e}function Pn(l){let e=!0;return Ft.forEach(((t,n)=>{let i=t(k,n,Ct,l);i!=Rt[n]&&(e=!1),Rt[n]=i})),e}function An(l){pl.forEach(((e,t)=>{t>0&&(e._paths=null,l&&(1==M?(e.min=null,e.max=null):e.facets.forEach((l=>{l.min=null,l.max=null}))))}))}let Wn,Yn,Cn,Hn,Fn,Rn,Gn,In,Ln,On,Nn,jn,Un=!1,Vn=!1,Bn=[];function $n(){Vn=!1;for(let l=0;Bn.length>l;l++)Ci(...Bn[l]);Bn.length=0}function Jn(){Un||(Jl(qn),Un=!0)}function qn(){if(ht&&(function(){for(let l in vl){let e=vl[l];null==Kl[l]&&(null==e.min||null!=Kl[El]&&e.auto(k,mn))&&(Kl[l]=vn)}for(let l in vl){let e=vl[l];null==Kl[l]&&null!=e.from&&null!=Kl[e.from]&&(Kl[l]=vn)}null!=Kl[El]&&An(!0);let l={};for(let e in Kl){let t=Kl[e];if(null!=t){let n=l[e]=Vl(vl[e],Nl);if(null!=t.min)Bl(n,t);else if(e!=El||2==M)if(0==Gt&&null==n.from){let l=n.range(k,null,null,e);n.min=l[0],n.max=l[1]}else n.min=gl,n.max=-gl}}if(Gt>0){pl.forEach(((e,t)=>{if(1==M){let n=e.scale,i=Kl[n];if(null==i)return;let o=l[n];if(0==t){let l=o.range(k,o.min,o.max,n);o.min=l[0],o.max=l[1],Lt=L(o.min,g[0]),en=L(o.max,g[0]),en-Lt>1&&(o.min>g[0][Lt]&&Lt++,g[0][en]>o.max&&en--),e.min=pn[Lt],e.max=pn[en]}else e.show&&e.auto&&bn(o,i,e,g[t],e.sorted);e.idxs[0]=Lt,e.idxs[1]=en}else if(t>0&&e.show&&e.auto){let[n,i]=e.facets,o=n.scale,s=i.scale,[r,u]=g[t],a=l[o],f=l[s];null!=a&&bn(a,Kl[o],n,r,n.sorted),null!=f&&bn(f,Kl[s],i,u,i.sorted),e.min=i.min,e.max=i.max}}));for(let e in l){let t=l[e],n=Kl[e];if(null==t.from&&(null==n||null==n.min)){let l=t.range(k,t.min==gl?null:t.min,t.max==-gl?null:t.max,e);t.min=l[0],t.max=l[1]}}}for(let e in l){let t=l[e];if(null!=t.from){let n=l[t.from];if(null==n.min)t.min=t.max=null;else{let l=t.range(k,n.min,n.max,e);t.min=l[0],t.max=l[1]}}}let e={},t=!1;for(let n in l){let i=l[n],o=vl[n];if(o.min!=i.min||o.max!=i.max){o.min=i.min,o.max=i.max;let l=o.distr;o._min=3==l?dl(o.min):4==l?ml(o.min,o.asinh):100==l?o.fwd(o.min):o.min,o._max=3==l?dl(o.max):4==l?ml(o.max,o.asinh):100==l?o.fwd(o.max):o.max,e[n]=t=!0}}if(t){pl.forEach(((l,t)=>{2==M?t>0&&e.y&&(l._paths=null):e[l.scale]&&(l._paths=null)}));for(let l in e)mt=!0,Ci("setScale",l);re&&oe.left>=0&&(xt=_t=!0)}for(let l in Kl)Kl[l]=null}(),ht=!1),mt&&(function(){let l=!1,e=0;for(;!l;){e++;let t=Dn(e),n=Pn(e);l=e==yt||t&&n,l||(kt(k.width,k.height),pt=!0)}}(),mt=!1),pt){if(E(ll,s,Oe),E(ll,i,Ne),E(ll,t,Ie),E(ll,n,Le),E(el,s,Oe),E(el,i,Ne),E(el,t,Ie),E(el,n,Le),E(X,t,Fe),E(X,n,Ge),O.width=rl(Fe*y),O.height=rl(Ge*y),xl.forEach((({_el:e,_show:t,_size:n,_pos:i,side:o})=>{if(null!=e)if(t){let t=o%2==1;E(e,t?"left":"top",i-(3===o||0===o?n:0)),E(e,t?"width":"height",n),E(e,t?"top":"left",t?Ne:Oe),E(e,t?"height":"width",t?Le:Ie),T(e,l)}else S(e,l)})),nn=on=sn=un=an=fn=cn=hn=rn=null,dn=1,_i(!0),Oe!=je||Ne!=Ke||Ie!=Xe||Le!=Ze){An(!1);let l=Ie/Xe,e=Le/Ze;if(re&&!xt&&oe.left>=0){oe.left*=l,oe.top*=e,Cn&&A(Cn,rl(oe.left),0,Ie,Le),Hn&&A(Hn,0,rl(oe.top),Ie,Le);for(let t=0;Dt.length>t;t++){let n=Dt[t];null!=n&&(Pt[t]*=l,At[t]*=e,A(n,ul(Pt[t]),ul(At[t]),Ie,Le))}}if(ei.show&&!wt&&ei.left>=0&&ei.width>0){ei.left*=l,ei.width*=l,ei.top*=e,ei.height*=e;for(let l in ki)E(ti,l,ei[l])}je=Oe,Ke=Ne,Xe=Ie,Ze=Le}Ci("setSize"),pt=!1}Fe>0&&Ge>0&&(K.clearRect(0,0,O.width,O.height),Ci("drawClear"),Pl.forEach((l=>l())),Ci("draw")),ei.show&&wt&&(ni(ei),wt=!1),re&&xt&&(xi(null,!0,!1),xt=!1),ie.show&&ie.live&&_t&&(mi(),_t=!1),F||(F=!0,k.status=1,Ci("ready")),mn=!1,Un=!1}function Kn(l,e){let t=vl[l];if(null==t.from){if(0==Gt){let n=t.range(k,e.min,e.max,l);e.min=n[0],e.max=n[1]}if(e.min>e.max){let l=e.min;e.min=e.max,e.max=l}if(Gt>1&&null!=e.min&&null!=e.max&&1e-16>e.max-e.min)return;l==El&&2==t.distr&&Gt>0&&(e.min=L(e.min,g[0]),e.max=L(e.max,g[0]),e.min==e.max&&e.max++),Kl[l]=e,ht=!0,Jn()}}k.batch=function(l,e=!1){Un=!0,Vn=e,l(k),qn(),e&&Bn.length>0&&queueMicrotask($n)},k.redraw=(l,e)=>{mt=e||!1,!1!==l?ii(El,jl.min,jl.max):Jn()},k.setScale=Kn;let Xn=!1;const Zn=oe.drag;let Qn=Zn.x,li=Zn.y;re&&(oe.x&&(Wn=D("u-cursor-x",el)),oe.y&&(Yn=D("u-cursor-y",el)),0==jl.ori?(Cn=Wn,Hn=Yn):(Cn=Yn,Hn=Wn),Nn=oe.left,jn=oe.top);const ei=k.select=Bl({show:!0,over:!0,left:0,width:0,top:0,height:0},u.select),ti=ei.show?D("u-select",ei.over?el:ll):null;function ni(l,e){if(ei.show){for(let e in l)ei[e]=l[e],e in ki&&E(ti,e,l[e]);!1!==e&&Ci("setSelect")}}function ii(l,e,t){Kn(l,{min:e,max:t})}function oi(e,t,n,i){null!=t.focus&&function(l){if(l!=ui){let e=null==l,t=1!=Tt.alpha;pl.forEach(((n,i)=>{if(1==M||i>0){let o=e||0==i||i==l;n._focus=e?null:o,t&&function(l,e){pl[l].alpha=e,re&&null!=Dt[l]&&(Dt[l].style.opacity=e),se&&me[l]&&(me[l].style.opacity=e)}(i,o?1:Tt.alpha)}})),ui=l,t&&Jn()}}(e),null!=t.show&&pl.forEach(((n,i)=>{0>=i||e!=i&&null!=e||(n.show=t.show,function(e){if(pl[e].show)se&&T(me[e],l);else if(se&&S(me[e],l),re){let l=zt?Dt[0]:Dt[e];null!=l&&A(l,-10,-10,Ie,Le)}}(i),2==M?(ii(n.facets[0].scale,null,null),ii(n.facets[1].scale,null,null)):ii(n.scale,null,null),Jn())})),!1!==n&&Ci("setSeries",e,t),i&&Ii("setSeries",k,e,t)}let si,ri,ui;k.setSelect=ni,k.setSeries=oi,k.addBand=function(l,e){l.fill=bl(l.fill||null),l.dir=Q(l.dir,-1),Tl.splice(e=null==e?Tl.length:e,0,l)},k.setBand=function(l,e){Bl(Tl[l],e)},k.delBand=function(l){null==l?Tl.length=0:Tl.splice(l,1)};const ai={focus:!0};function fi(l,e,t){let n=vl[e];t&&(l=l/y-(1==n.ori?Ne:Oe));let i=Ie;1==n.ori&&(i=Le,l=i-l),-1==n.dir&&(l=i-l);let o=n._min,s=o+l/i*(n._max-o),r=n.distr;return 3==r?cl(10,s):4==r?((l,e=1)=>nl.sinh(l)*e)(s,n.asinh):100==r?n.bwd(s):s}function ci(l,e){E(ti,s,ei.left=l),E(ti,t,ei.width=e)}function hi(l,e){E(ti,i,ei.top=l),E(ti,n,ei.height=e)}se&&Et&&Ce(p,ce,(l=>{oe._lock||(Mt(l),null!=ui&&oi(null,ai,!0,Fi.setSeries))})),k.valToIdx=l=>L(l,g[0]),k.posToIdx=function(l,e){return L(fi(l,El,e),g[0],Lt,en)},k.posToVal=fi,k.valToPos=(l,e,t)=>0==vl[e].ori?P(l,vl[e],t?ot:Ie,t?Qe:0):W(l,vl[e],t?st:Le,t?lt:0),k.setCursor=(l,e,t)=>{Nn=l.left,jn=l.top,xi(null,e,t)};let di=0==jl.ori?ci:hi,pi=1==jl.ori?ci:hi;function mi(l,e){if(null!=l&&(l.idxs?l.idxs.forEach(((l,e)=>{te[e]=l})):(l=>void 0===l)(l.idx)||te.fill(l.idx),ie.idx=te[0]),se&&ie.live){for(let l=0;pl.length>l;l++)(l>0||1==M&&!xe)&&gi(l,te[l]);!function(){if(se&&ie.live)for(let l=2==M?1:0;pl.length>l;l++){if(0==l&&xe)continue;let e=ie.values[l],t=0;for(let n in e)ge[l][t++].firstChild.nodeValue=e[n]}}()}_t=!1,!1!==e&&Ci("setLegend")}function gi(l,e){let t,n=pl[l],i=0==l&&2==Ul?pn:g[l];xe?t=n.values(k,l,e)??we:(t=n.value(k,null==e?null:i[e],l,e),t=null==t?we:{_:t}),ie.values[l]=t}function xi(l,e,t){let n;Ln=Nn,On=jn,[Nn,jn]=oe.move(k,Nn,jn),oe.left=Nn,oe.top=jn,re&&(Cn&&A(Cn,rl(Nn),0,Ie,Le),Hn&&A(Hn,0,rl(jn),Ie,Le)),si=gl,ri=null;let i=0==jl.ori?Ie:Le,o=1==jl.ori?Ie:Le;if(0>Nn||0==Gt||Lt>en){n=oe.idx=null;for(let l=0;pl.length>l;l++){let e=Dt[l];null!=e&&A(e,-10,-10,Ie,Le)}Et&&oi(null,ai,!0,null==l&&Fi.setSeries),ie.live&&(te.fill(n),_t=!0)}else{let l,e,t;1==M&&(l=0==jl.ori?Nn:jn,e=fi(l,El),n=oe.idx=L(e,g[0],Lt,en),t=$l(g[0][n],jl,i,0));let s=-10,r=-10,u=0,a=0,f=!0,c="",h="";for(let l=2==M?1:0;pl.length>l;l++){let d=pl[l],p=te[l],m=null==p?null:1==M?g[l][p]:g[l][1][p],x=oe.dataIdx(k,l,n,e),w=null==x?null:1==M?g[l][x]:g[l][1][x];if(_t=_t||w!=m||x!=p,te[l]=x,l>0&&d.show){let e=null==x?-10:x==n?t:$l(1==M?g[0][x]:g[l][0][x],jl,i,0),p=null==w?-10:ql(w,1==M?vl[d.scale]:vl[d.facets[1].scale],o,0);if(Et&&null!=w){let e=1==jl.ori?Nn:jn,t=ol(Tt.dist(k,l,x,p,e));if(si>t){let n=Tt.bias;if(0!=n){let i=fi(e,d.scale),o=0>i?-1:1;o!=(0>w?-1:1)||(1==o?1==n?i>w:w>i:1==n?w>i:i>w)||(si=t,ri=l)}else si=t,ri=l}}if(_t||zt){let t,n;0==jl.ori?(t=e,n=p):(t=p,n=e);let i,o,d,m,g,x,w=!0,_=St.bbox;if(null!=_){w=!1;let e=_(k,l);d=e.left,m=e.top,i=e.width,o=e.height}else d=t,m=n,i=o=St.size(k,l);if(x=St.fill(k,l),g=St.stroke(k,l),zt)l!=ri||si>Tt.prox||(s=d,r=m,u=i,a=o,f=w,c=x,h=g);else{let e=Dt[l];null!=e&&(Pt[l]=d,At[l]=m,H(e,i,o,w),Y(e,x,g),A(e,ul(d),ul(m),Ie,Le))}}}}if(zt){let l=Tt.prox;if(_t||(null==ui?l>=si:si>l||ri!=ui)){let l=Dt[0];null!=l&&(Pt[0]=s,At[0]=r,H(l,u,a,f),Y(l,c,h),A(l,ul(s),ul(r),Ie,Le))}}}if(ei.show&&Xn)if(null!=l){let[e,t]=Fi.scales,[n,s]=Fi.match,[r,u]=l.cursor.sync.scales,a=l.cursor.drag;if(Qn=a._x,li=a._y,Qn||li){let a,f,c,h,d,{left:p,top:m,width:g,height:x}=l.select,w=l.scales[r].ori,_=l.posToVal,b=null!=e&&n(e,r),v=null!=t&&s(t,u);b&&Qn?(0==w?(a=p,f=g):(a=m,f=x),c=vl[e],h=$l(_(a,r),c,i,0),d=$l(_(a+f,r),c,i,0),di(al(h,d),ol(d-h))):di(0,i),v&&li?(1==w?(a=p,f=g):(a=m,f=x),c=vl[t],h=ql(_(a,u),c,o,0),d=ql(_(a+f,u),c,o,0),pi(al(h,d),ol(d-h))):pi(0,o)}else yi()}else{let l=ol(Ln-Fn),e=ol(On-Rn);if(1==jl.ori){let t=l;l=e,e=t}Qn=Zn.x&&l>=Zn.dist,li=Zn.y&&e>=Zn.dist;let t,n,s=Zn.uni;null!=s?Qn&&li&&(Qn=l>=s,li=e>=s,Qn||li||(e>l?li=!0:Qn=!0)):Zn.x&&Zn.y&&(Qn||li)&&(Qn=li=!0),Qn&&(0==jl.ori?(t=Gn,n=Nn):(t=In,n=jn),di(al(t,n),ol(n-t)),li||pi(0,o)),li&&(1==jl.ori?(t=Gn,n=Nn):(t=In,n=jn),pi(al(t,n),ol(n-t)),Qn||di(0,i)),Qn||li||(di(0,0),pi(0,0))}if(Zn._x=Qn,Zn._y=li,null==l){if(t){if(null!=Ri){let[l,e]=Fi.scales;Fi.values[0]=null!=l?fi(0==jl.ori?Nn:jn,l):null,Fi.values[1]=null!=e?fi(1==jl.ori?Nn:jn,e):null}Ii(f,k,Nn,jn,Ie,Le,n)}if(Et){let l=t&&Fi.setSeries,e=Tt.prox;null==ui?si>e||oi(ri,ai,!0,l):si>e?oi(null,ai,!0,l):ri!=ui&&oi(ri,ai,!0,l)}}_t&&(ie.idx=n,mi()),!1!==e&&Ci("setCursor")}k.setLegend=mi;let wi=null;function _i(l=!1){l?wi=null:(wi=el.getBoundingClientRect(),Ci("syncRect",wi))}function bi(l,e,t,n,i,o){oe._lock||Xn&&null!=l&&0==l.movementX&&0==l.movementY||(vi(l,e,t,n,i,o,0,!1,null!=l),null!=l?xi(null,!0,!0):xi(e,!0,!1))}function vi(l,e,t,n,i,o,s,r,u){if(null==wi&&_i(!1),Mt(l),null!=l)t=l.clientX-wi.left,n=l.clientY-wi.top;else{if(0>t||0>n)return Nn=-10,void(jn=-10);let[l,s]=Fi.scales,r=e.cursor.sync,[u,a]=r.values,[f,c]=r.scales,[h,d]=Fi.match,p=e.axes[0].side%2==1,m=0==jl.ori?Ie:Le,g=1==jl.ori?Ie:Le,x=p?o:i,w=p?i:o,_=p?n:t,b=p?t:n;if(t=null!=f?h(l,f)?C(u,vl[l],m,0):-10:m*(_/x),n=null!=c?d(s,c)?C(a,vl[s],g,0):-10:g*(b/w),1==jl.ori){let l=t;t=n,n=l}}!u||null!=e&&e.cursor.event.type!=f||(t>1&&Ie-1>t||(t=zl(t,Ie)),n>1&&Le-1>n||(n=zl(n,Le))),r?(Fn=t,Rn=n,[Gn,In]=oe.move(k,t,n)):(Nn=t,jn=n)}Object.defineProperty(k,"rect",{get:()=>(null==wi&&_i(!1),wi)});const ki={width:0,height:0,left:0,top:0};function yi(){ni(ki,!1)}let Mi,Si,Ti,Ei;function zi(l,e,t,n,i,o){Xn=!0,Qn=li=Zn._x=Zn._y=!1,vi(l,e,t,n,i,o,0,!0,!1),null!=l&&(Ce(h,b,Di,!1),Ii(c,k,Gn,In,Ie,Le,null));let{left:s,top:r,width:u,height:a}=ei;Mi=s,Si=r,Ti=u,Ei=a}function Di(l,e,t,n,i,o){Xn=Zn._x=Zn._y=!1,vi(l,e,t,n,i,o,0,!1,!0);let{left:s,top:r,width:u,height:a}=ei,f=u>0||a>0,c=Mi!=s||Si!=r||Ti!=u||Ei!=a;if(f&&c&&ni(ei),Zn.setScale&&f&&c){let l=s,e=u,t=r,n=a;if(1==jl.ori&&(l=r,e=a,t=s,n=u),Qn&&ii(El,fi(l,El),fi(l+e,El)),li)for(let l in vl){let e=vl[l];l!=El&&null==e.from&&e.min!=gl&&ii(l,fi(t+n,l),fi(t,l))}yi()}else oe.lock&&(oe._lock=!oe._lock,xi(e,!0,null!=l));null!=l&&(He(h,b),Ii(h,k,Nn,jn,Ie,Le,null))}function Pi(l){oe._lock||(Mt(l),xn(),yi(),null!=l&&Ii(m,k,Nn,jn,Ie,Le,null))}function Ai(){xl.forEach(ln),vt(k.width,k.height,!0)}G(x,v,Ai);const Wi={};Wi.mousedown=zi,Wi.mousemove=bi,Wi.mouseup=Di,Wi.dblclick=Pi,Wi.setSeries=(l,e,t,n)=>{-1!=(t=(0,Fi.match[2])(k,e,t))&&oi(t,n,!0,!1)},re&&(Ce(c,el,zi),Ce(f,el,bi),Ce(d,el,(l=>{Mt(l),_i(!1)})),Ce(p,el,(function(l){if(oe._lock)return;Mt(l);let e=Xn;if(Xn){let l,e,t=!0,n=!0,i=10;0==jl.ori?(l=Qn,e=li):(l=li,e=Qn),l&&e&&(t=i>=Nn||Nn>=Ie-i,n=i>=jn||jn>=Le-i),l&&t&&(Nn=Gn>Nn?0:Ie),e&&n&&(jn=In>jn?0:Le),xi(null,!0,!0),Xn=!1}Nn=-10,jn=-10,te.fill(null),xi(null,!0,!0),e&&(Xn=e)})),Ce(m,el,Pi),It.add(k),k.syncRect=_i);const Yi=k.hooks=u.hooks||{};function Ci(l,e,t){Vn?Bn.push([l,e,t]):l in Yi&&Yi[l].forEach((l=>{l.call(null,k,e,t)}))}(u.plugins||[]).forEach((l=>{for(let e in l.hooks)Yi[e]=(Yi[e]||[]).concat(l.hooks[e])}));const Hi=(l,e,t)=>t,Fi=Bl({key:null,setSeries:!1,filters:{pub:Ml,sub:Ml},scales:[El,pl[1]?pl[1].scale:null],match:[Sl,Sl,Hi],values:[null,null]},oe.sync);2==Fi.match.length&&Fi.match.push(Hi),oe.sync=Fi;const Ri=Fi.key,Gi=dt(Ri);function Ii(l,e,t,n,i,o,s){Fi.filters.pub(l,e,t,n,i,o,s)&&Gi.pub(l,e,t,n,i,o,s)}function Li(){Ci("init",u,g),gn(g||u.data,!1),Kl[El]?Kn(El,Kl[El]):xn(),wt=ei.show&&(ei.width>0||ei.height>0),xt=_t=!0,vt(u.width,u.height)}return Gi.sub(k),k.pub=function(l,e,t,n,i,o,s){Fi.filters.sub(l,e,t,n,i,o,s)&&Wi[l](null,e,t,n,i,o,s)},k.destroy=function(){Gi.unsub(k),It.delete(k),Pe.clear(),I(x,v,Ai),R.remove(),ce?.remove(),Ci("destroy")},pl.forEach(Yt),xl.forEach((function(l,e){if(l._show=l.show,l.show){let t=vl[l.scale];null==t&&(l.scale=l.side%2?pl[1].scale:El,t=vl[l.scale]);let n=t.time;l.size=bl(l.size),l.space=bl(l.space),l.rotate=bl(l.rotate),Gl(l.incrs)&&l.incrs.forEach((l=>{!Wl.has(l)&&Wl.set(l,Yl(l))})),l.incrs=bl(l.incrs||(2==t.distr?ae:n?1==hl?ke:Se:fe)),l.splits=bl(l.splits||(n&&1==t.distr?Ql:3==t.distr?Je:4==t.distr?qe:$e)),l.stroke=bl(l.stroke),l.grid.stroke=bl(l.grid.stroke),l.ticks.stroke=bl(l.ticks.stroke),l.border.stroke=bl(l.border.stroke);let i=l.values;l.values=Gl(i)&&!Gl(i[0])?bl(i):n?Gl(i)?De(Xl,ze(i,Zl)):Ll(i)?function(l,e){let t=ne(e);return(e,n)=>n.map((e=>t(l(e))))}(Xl,i):i||le:i||Be,l.filter=bl(l.filter||(3>t.distr||10!=t.log?3==t.distr&&2==t.log?tt:kl:et)),l.font=Qt(l.font),l.labelFont=Qt(l.labelFont),l._size=l.size(k,null,e,0),l._space=l._rotate=l._incrs=l._found=l._splits=l._values=null,l._size>0&&(Ct[e]=!0,l._el=D("u-axis",X))}})),_?_ instanceof HTMLElement?(_.appendChild(R),Li()):_(k,Li):Li(),k}en.assign=Bl,en.fmtNum=tl,en.rangeNum=Z,en.rangeLog=B,en.rangeAsinh=$,en.orient=pt,en.pxRatio=y,en.join=function(l,e){if(function(l){let e=l[0][0],t=e.length;for(let n=1;l.length>n;n++){let i=l[n][0];if(i.length!=t)return!1;if(i!=e)for(let l=0;t>l;l++)if(i[l]!=e[l])return!1}return!0}(l)){let e=l[0].slice();for(let t=1;l.length>t;t++)e.push(...l[t].slice(1));return function(l,e=100){const t=l.length;if(1>=t)return!0;let n=0,i=t-1;for(;i>=n&&null==l[n];)n++;for(;i>=n&&null==l[i];)i--;if(n>=i)return!0;const o=fl(1,sl((i-n+1)/e));for(let e=l[n],t=n+o;i>=t;t+=o){const n=l[t];if(null!=n){if(e>=n)return!1;e=n}}return!0}(e[0])||(e=function(l){let e=l[0],t=e.length,n=Array(t);for(let l=0;n.length>l;l++)n[l]=l;n.sort(((l,t)=>e[l]-e[t]));let i=[];for(let e=0;l.length>e;e++){let o=l[e],s=Array(t);for(let l=0;t>l;l++)s[l]=o[n[l]];i.push(s)}return i}(e)),e}let t=new Set;for(let e=0;l.length>e;e++){let n=l[e][0],i=n.length;for(let l=0;i>l;l++)t.add(n[l])}let n=[Array.from(t).sort(((l,e)=>l-e))],i=n[0].length,o=new Map;for(let l=0;i>l;l++)o.set(n[0][l],l);for(let t=0;l.length>t;t++){let s=l[t],r=s[0];for(let l=1;s.length>l;l++){let u=s[l],a=Array(i).fill(void 0),f=e?e[t][l]:1,c=[];for(let l=0;u.length>l;l++){let e=u[l],t=o.get(r[l]);null===e?0!=f&&(a[t]=e,2==f&&c.push(t)):a[t]=e}$l(a,c,i),n.push(a)}}return n},en.fmtDate=ne,en.tzDate=function(l,e){let t;return"UTC"==e||"Etc/UTC"==e?t=new Date(+l+6e4*l.getTimezoneOffset()):e==ie?t=l:(t=new Date(l.toLocaleString("en-US",{timeZone:e})),t.setMilliseconds(l.getMilliseconds())),t},en.sync=dt;{en.addGap=function(l,e,t){let n=l[l.length-1];n&&n[0]==e?n[1]=t:l.push([e,t])},en.clipGaps=wt;let l=en.paths={points:Wt};l.linear=Ft,l.stepped=function(l){const e=Q(l.align,1),t=Q(l.ascDesc,!1),n=Q(l.alignGaps,0),i=Q(l.extend,!1);return(l,o,s,r)=>pt(l,o,((u,a,f,c,h,d,p,m,g,x,w)=>{[s,r]=U(f,s,r);let _=u.pxRound,{left:b,width:v}=l.bbox,k=l=>_(d(l,c,x,m)),M=l=>_(p(l,h,w,g)),S=0==c.ori?Mt:St;const T={stroke:new Path2D,fill:null,clip:null,band:null,gaps:null,flags:1},E=T.stroke,z=c.dir*(0==c.ori?1:-1);let D=M(f[1==z?s:r]),P=k(a[1==z?s:r]),A=P,W=P;i&&-1==e&&(W=b,S(E,W,D)),S(E,P,D);for(let l=1==z?s:r;l>=s&&r>=l;l+=z){let t=f[l];if(null==t)continue;let n=k(a[l]),i=M(t);1==e?S(E,n,D):S(E,A,i),S(E,n,i),D=i,A=n}let Y=A;i&&1==e&&(Y=b+v,S(E,Y,D));let[C,H]=mt(l,o);if(null!=u.fill||0!=C){let e=T.fill=new Path2D(E),t=M(u.fillTo(l,o,u.min,u.max,C));S(e,Y,t),S(e,W,t)}if(!u.spanGaps){let i=[];i.push(..._t(a,f,s,r,z,k,n));let h=u.width*y/2,d=t||1==e?h:-h,p=t||-1==e?-h:h;i.forEach((l=>{l[0]+=d,l[1]+=p})),T.gaps=i=u.gaps(l,o,s,r,i),T.clip=wt(i,c.ori,m,g,x,w)}return 0!=H&&(T.band=2==H?[xt(l,o,s,r,E,-1),xt(l,o,s,r,E,1)]:xt(l,o,s,r,E,H)),T}))},l.bars=function(l){const e=Q((l=l||Hl).size,[.6,gl,1]),t=l.align||0,n=l.gap||0;let i=l.radius;i=null==i?[0,0]:"number"==typeof i?[i,0]:i;const o=bl(i),s=1-e[0],r=Q(e[1],gl),u=Q(e[2],1),a=Q(l.disp,Hl),f=Q(l.each,(()=>{})),{fill:c,stroke:h}=a;return(l,e,i,d)=>pt(l,e,((p,m,g,x,w,_,b,v,k,M,S)=>{let T,E,z=p.pxRound,D=t,P=n*y,A=r*y,W=u*y;0==x.ori?[T,E]=o(l,e):[E,T]=o(l,e);const Y=x.dir*(0==x.ori?1:-1);let C,H,F,R=0==x.ori?Tt:Et,G=0==x.ori?f:(l,e,t,n,i,o,s)=>{f(l,e,t,i,n,s,o)},I=Q(l.bands,Fl).find((l=>l.series[0]==e)),L=p.fillTo(l,e,p.min,p.max,null!=I?I.dir:0),O=z(b(L,w,S,k)),N=M,j=z(p.width*y),U=!1,V=null,B=null,$=null,J=null;null==c||0!=j&&null==h||(U=!0,V=c.values(l,e,i,d),B=new Map,new Set(V).forEach((l=>{null!=l&&B.set(l,new Path2D)})),j>0&&($=h.values(l,e,i,d),J=new Map,new Set($).forEach((l=>{null!=l&&J.set(l,new Path2D)}))));let{x0:q,size:K}=a;if(null!=q&&null!=K){D=1,m=q.values(l,e,i,d),2==q.unit&&(m=m.map((e=>l.posToVal(v+e*M,x.key,!0))));let t=K.values(l,e,i,d);H=2==K.unit?t[0]*M:_(t[0],x,M,v)-_(0,x,M,v),N=Rt(m,g,_,x,M,v,N),F=N-H+P}else N=Rt(m,g,_,x,M,v,N),F=N*s+P,H=N-F;1>F&&(F=0),H/2>j||(j=0),5>F&&(z=vl);let X=F>0;H=z(wl(N-F-(X?j:0),W,A)),C=(0==D?H/2:D==Y?0:H)-D*Y*((0==D?P/2:0)+(X?j/2:0));const Z={stroke:null,fill:null,clip:null,band:null,gaps:null,flags:0},ll=U?null:new Path2D;let el=null;if(null!=I)el=l.data[I.series[1]];else{let{y0:t,y1:n}=a;null!=t&&null!=n&&(g=n.values(l,e,i,d),el=t.values(l,e,i,d))}let tl=T*H,nl=E*H;for(let t=1==Y?i:d;t>=i&&d>=t;t+=Y){let n=g[t];if(null==n)continue;if(null!=el){let l=el[t]??0;if(n-l==0)continue;O=b(l,w,S,k)}let i=_(2!=x.distr||null!=a?m[t]:t,x,M,v),o=b(Q(n,L),w,S,k),s=z(i-C),r=z(fl(o,O)),u=z(al(o,O)),f=r-u;if(null!=n){let i=0>n?nl:tl,o=0>n?tl:nl;U?(j>0&&null!=$[t]&&R(J.get($[t]),s,u+sl(j/2),H,fl(0,f-j),i,o),null!=V[t]&&R(B.get(V[t]),s,u+sl(j/2),H,fl(0,f-j),i,o)):R(ll,s,u+sl(j/2),H,fl(0,f-j),i,o),G(l,e,t,s-j/2,u,H+j,f)}}return j>0?Z.stroke=U?J:ll:U||(Z._fill=0==p.width?p._fill:p._stroke??p._fill,Z.width=0),Z.fill=U?B:ll,Z}))},l.spline=function(l){return function(l,e){const t=Q(e?.alignGaps,0);return(e,n,i,o)=>pt(e,n,((s,r,u,a,f,c,h,d,p,m,g)=>{[i,o]=U(u,i,o);let x,w,_,b=s.pxRound,v=l=>b(c(l,a,m,d)),k=l=>b(h(l,f,g,p));0==a.ori?(x=kt,_=Mt,w=Pt):(x=yt,_=St,w=At);const y=a.dir*(0==a.ori?1:-1);let M=v(r[1==y?i:o]),S=M,T=[],E=[];for(let l=1==y?i:o;l>=i&&o>=l;l+=y)if(null!=u[l]){let e=v(r[l]);T.push(S=e),E.push(k(u[l]))}const z={stroke:l(T,E,x,_,w,b),fill:null,clip:null,band:null,gaps:null,flags:1},D=z.stroke;let[P,A]=mt(e,n);if(null!=s.fill||0!=P){let l=z.fill=new Path2D(D),t=k(s.fillTo(e,n,s.min,s.max,P));_(l,S,t),_(l,M,t)}if(!s.spanGaps){let l=[];l.push(..._t(r,u,i,o,y,v,t)),z.gaps=l=s.gaps(e,n,i,o,l),z.clip=wt(l,a.ori,d,p,m,g)}return 0!=A&&(z.band=2==A?[xt(e,n,i,o,D,-1),xt(e,n,i,o,D,1)]:xt(e,n,i,o,D,A)),z}))}(Gt,l)}}return en}();\n';
const uplotStyle = '.uplot, .uplot *, .uplot *::before, .uplot *::after {box-sizing: border-box;}.uplot {font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif, "Apple Color Emoji", "Segoe UI Emoji", "Segoe UI Symbol", "Noto Color Emoji";line-height: 1.5;width: min-content;}.u-title {text-align: center;font-size: 18px;font-weight: bold;}.u-wrap {position: relative;user-select: none;}.u-over, .u-under {position: absolute;}.u-under {overflow: hidden;}.uplot canvas {display: block;position: relative;width: 100%;height: 100%;}.u-axis {position: absolute;}.u-legend {font-size: 14px;margin: auto;text-align: center;}.u-inline {display: block;}.u-inline * {display: inline-block;}.u-inline tr {margin-right: 16px;}.u-legend th {font-weight: 600;}.u-legend th > * {vertical-align: middle;display: inline-block;}.u-legend .u-marker {width: 1em;height: 1em;margin-right: 4px;background-clip: padding-box !important;}.u-inline.u-live th::after {content: ":";vertical-align: middle;}.u-inline:not(.u-live) .u-value {display: none;}.u-series > * {padding: 4px;}.u-series th {cursor: pointer;}.u-legend .u-off > * {opacity: 0.3;}.u-select {background: rgba(0,0,0,0.07);position: absolute;pointer-events: none;}.u-cursor-x, .u-cursor-y {position: absolute;left: 0;top: 0;pointer-events: none;will-change: transform;}.u-hz .u-cursor-x, .u-vt .u-cursor-y {height: 100%;border-right: 1px dashed #607D8B;}.u-hz .u-cursor-y, .u-vt .u-cursor-x {width: 100%;border-bottom: 1px dashed #607D8B;}.u-cursor-pt {position: absolute;top: 0;left: 0;border-radius: 50%;border: 0 solid;pointer-events: none;will-change: transform;/*this has to be !important since we set inline "background" shorthand */background-clip: padding-box !important;}.u-axis.u-off, .u-select.u-off, .u-cursor-x.u-off, .u-cursor-y.u-off, .u-cursor-pt.u-off {display: none;}';
function conversationTimes(turns) {
  const [first] = turns;
  const last = turns.at(-1);
  const ttfts = turns.flatMap(
    ({ arrivedMs, tokenMs }) => tokenMs[0] === void 0 ? [] : [tokenMs[0] - arrivedMs]
  );
  const [firstTtftMs, ...laterTtftMs] = ttfts;
  const effectiveMs = last?.tokenMs[0];
  if (first === void 0 || last === void 0 || firstTtftMs === void 0) return void 0;
  if (effectiveMs === void 0 || ttfts.length < turns.length) return void 0;
  const pausesMs = turns.reduce((sum, { pauseMs }) => sum + pauseMs, 0);
  const gaps = turns.map(({ tokenMs }) => gapsOf(tokenMs));
  const lastGaps = gaps.at(-1) ?? [];
  return {
    ttfetMs: effectiveMs - first.arrivedMs - pausesMs,
    ttfetWithPausesMs: effectiveMs - first.arrivedMs,
    firstTtftMs,
    laterTtftMs,
    lastTurnTbtMs: lastGaps.length === 0 ? void 0 : lastGaps.reduce((sum, ms) => sum + ms, 0) / lastGaps.length,
    tbtMs: gaps.flat(),
    totalMs: last.endedMs - first.arrivedMs
  };
}
function gapsOf(tokenMs) {
  return tokenMs.slice(1).map((at, index) => at - (tokenMs[index] ?? at));
}
function keepsSlo({ firstTtftMs, laterTtftMs, tbtMs }, slo) {
  const meanTbtMs = tbtMs.length === 0 ? 0 : tbtMs.reduce((sum, ms) => sum + ms, 0) / tbtMs.length;
  return [firstTtftMs, ...laterTtftMs].every((ms) => ms <= slo.ttftMs) && meanTbtMs <= slo.tbtMs;
}
const script$1 = '// Draws the report\'s plots in the page, from the data that stands in it. `uPlot` is loaded before.\n(() => {\n  /** @typedef {{ name: string, values: number[] }} Curve */\n  /** @typedef {{ policy: string, devices: string[], totalMs: number, steps: number[][], copies: number[][], occupancy: number[][] }} Timeline */\n  /** @typedef {{ policies: string[], cdfs: { title: string, series: Curve[] }[], timelines: Timeline[] }} Data */\n\n  /** @type {typeof import("uplot")} */\n  const uPlot = Reflect.get(globalThis, "uPlot");\n  /** @type {Data} */\n  const data = JSON.parse(element("data").textContent ?? "");\n  const colours = [\n    "#2563eb",\n    "#dc2626",\n    "#059669",\n    "#d97706",\n    "#7c3aed",\n    "#0891b2",\n    "#be185d",\n    "#4d7c0f",\n    "#475569",\n    "#a16207",\n  ];\n  /** @param {number} at */\n  const colour = (at) => colours[at % colours.length] ?? "";\n  /** @param {string} name */\n  const colourOf = (name) => colour(data.policies.indexOf(name));\n  const dark = matchMedia("(prefers-color-scheme: dark)").matches;\n  const ink = dark ? "#cbd5e1" : "#334155";\n  /** @param {string} label */\n  const axis = (label) => ({\n    label,\n    stroke: ink,\n    grid: { stroke: dark ? "#1e293b" : "#e2e8f0" },\n    ticks: { stroke: ink },\n  });\n\n  /** @param {string} id */\n  function element(id) {\n    const found = document.getElementById(id);\n    if (found === null) throw new Error(`The page has no ${id}.`);\n    return found;\n  }\n\n  /**\n   * Shares of conversations or turns that took at most so long.\n   * @param {HTMLElement} into\n   * @param {string} label\n   * @param {Curve[]} series\n   */\n  function cdf(into, label, series) {\n    const shares = Array.from({ length: 101 }, (_, at) => at / 100);\n    new uPlot(\n      {\n        width: Math.min(640, into.clientWidth),\n        height: 300,\n        title: label,\n        scales: { x: { time: false, distr: 3 }, y: { range: /** @type {[number, number]} */ ([0, 1]) } },\n        axes: [axis("ms"), axis("share")],\n        series: [\n          { label: "ms" },\n          ...series.map(({ name }) => ({ label: name, stroke: colourOf(name), spanGaps: true })),\n        ],\n      },\n      uPlot.join(series.map(({ values }) => /** @type {[number[], number[]]} */ ([values, shares]))),\n      into,\n    );\n  }\n\n  for (const { title, series } of data.cdfs) {\n    const into = document.createElement("div");\n    element("cdfs").append(into);\n    cdf(into, title, series);\n  }\n\n  for (const { policy, devices, steps, copies, occupancy, totalMs } of data.timelines) {\n    const section = document.createElement("section");\n    const heading = document.createElement("h3");\n    heading.textContent = policy;\n    const canvas = document.createElement("canvas");\n    section.append(heading, canvas);\n    element("timelines").append(section);\n    gantt(canvas, { devices, steps, copies, totalMs });\n    const used = document.createElement("div");\n    section.append(used);\n    new uPlot(\n      {\n        width: Math.min(1200, section.clientWidth),\n        height: 180,\n        title: "KV blocks in use",\n        scales: { x: { time: false } },\n        axes: [axis("s"), axis("blocks")],\n        series: [{ label: "s" }, ...devices.map((id, at) => ({ label: id, stroke: colour(at) }))],\n      },\n      [\n        occupancy.map(([atMs = 0]) => atMs / 1000),\n        ...devices.map((_, at) => occupancy.map((row) => row[at + 1] ?? 0)),\n      ],\n      used,\n    );\n  }\n\n  /**\n   * A row for each device: prefill and decode steps, and where a conversation\'s KV leaves one and enters the other.\n   * @param {HTMLCanvasElement} canvas\n   * @param {Pick<Timeline, "devices" | "steps" | "copies" | "totalMs">} timeline\n   */\n  function gantt(canvas, { devices, steps, copies, totalMs }) {\n    const width = Math.min(1200, canvas.parentElement?.clientWidth ?? 1200);\n    const row = 34;\n    const scale = window.devicePixelRatio || 1;\n    canvas.width = width * scale;\n    canvas.height = (devices.length * row + 20) * scale;\n    canvas.style.width = `${width}px`;\n    const draw = canvas.getContext("2d");\n    if (draw === null) return;\n    draw.scale(scale, scale);\n    /** @param {number} ms */\n    const x = (ms) => 80 + ((width - 90) * ms) / totalMs;\n    draw.font = "12px system-ui";\n    draw.fillStyle = ink;\n    for (const [at, id] of devices.entries()) draw.fillText(id, 0, at * row + 18);\n    for (const [device = 0, startMs = 0, endMs = 0, prefill = 0, decodes = 0] of steps) {\n      draw.fillStyle = prefill > 0 ? (decodes > 0 ? "#a855f7" : "#f97316") : "#38bdf8";\n      draw.fillRect(x(startMs), device * row + 4, Math.max(0.5, x(endMs) - x(startMs)), row - 14);\n    }\n    draw.fillStyle = "#16a34a";\n    for (const [device = 0, startMs = 0, endMs = 0] of copies)\n      draw.fillRect(x(startMs), device * row + row - 9, Math.max(1, x(endMs) - x(startMs)), 5);\n    draw.fillStyle = ink;\n    const seconds = Math.max(1, Math.round(totalMs / 10000));\n    for (let at = 0; at * 1000 <= totalMs; at += seconds)\n      draw.fillText(`${at} s`, x(at * 1000), devices.length * row + 14);\n  }\n})();\n';
const TIMELINE_MS = 6e4;
const READINGS = [
  ["TTFET, pauses taken out", ({ ttfetMs }) => [ttfetMs]],
  ["TTFET with pauses", ({ ttfetWithPausesMs }) => [ttfetWithPausesMs]],
  ["TTFT of first turns", ({ firstTtftMs }) => [firstTtftMs]],
  ["TTFT of later turns", ({ laterTtftMs }) => laterTtftMs],
  ["time between tokens", ({ tbtMs }) => tbtMs],
  ["mean TBT of last turns", ({ lastTurnTbtMs }) => lastTurnTbtMs === void 0 ? [] : [lastTurnTbtMs]]
];
function agentsHtml(report, table, replays) {
  const data = {
    policies: replays.map(({ policy }) => policy),
    cdfs: READINGS.map(([title, of]) => ({
      title,
      series: replays.flatMap(({ policy, conversations }) => {
        const times = conversations.flatMap(({ turns }) => conversationTimes(turns) ?? []);
        const values = times.flatMap(of).toSorted((a, b) => a - b);
        return values.length === 0 ? [] : [{ name: policy, values: hundredths(values) }];
      })
    })),
    timelines: replays.map(timelineOf)
  };
  const top = Math.max(...report.loads.map(({ load }) => load));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Baton: policies compared</title>
<style>${uplotStyle}
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { max-width: 1240px; margin: 2rem auto; padding: 0 1rem; }
pre { overflow-x: auto; font-size: 12px; line-height: 1.5; }
#cdfs { display: flex; flex-wrap: wrap; gap: 1rem; }
#cdfs > div { flex: 1 1 420px; }
.key span { display: inline-block; width: 1em; height: 0.8em; margin: 0 0.3em 0 1em; }
</style>
<h1>Policies compared</h1>
<p>${escaped(report.takenAt)}. The same conversations under each policy, on real devices; plots are of load ${top}, first seed.</p>
<pre>${escaped(table)}</pre>
<h2>How long things took</h2>
<div id="cdfs"></div>
<h2>What the devices did</h2>
<p class="key"><span style="background:#f97316"></span>prefill<span style="background:#38bdf8"></span>decode<span
style="background:#a855f7"></span>both in one step<span style="background:#16a34a"></span>KV leaving and entering</p>
<div id="timelines"></div>
<script type="application/json" id="data">${JSON.stringify(data).replaceAll("<", "\\u003c")}<\/script>
<script>${uplot}<\/script>
<script>${script$1}<\/script>
</html>
`;
}
function timelineOf({ policy, totalMs: totalMs2, steps, copies, occupancy }) {
  const devices = [...new Set(steps.map(({ device }) => device))].toSorted();
  const shown = (records) => records.filter(({ startMs }) => startMs < TIMELINE_MS);
  const place = (device) => devices.indexOf(device);
  return {
    policy,
    devices,
    totalMs: Math.min(totalMs2, TIMELINE_MS),
    steps: shown(steps).map(({ device, startMs, endMs, prefillTokens, decodes }) => [
      place(device),
      Math.round(startMs),
      Math.round(endMs),
      prefillTokens,
      decodes
    ]),
    copies: shown(copies).map(({ device, startMs, endMs }) => [
      place(device),
      Math.round(startMs),
      Math.round(endMs)
    ]),
    occupancy: occupancy.map(({ atMs, blocks }) => [
      Math.round(atMs),
      ...devices.map((id) => blocks[id] ?? 0)
    ])
  };
}
function hundredths(sorted) {
  return Array.from({ length: 101 }, (_, at) => Math.max(0.01, quantile(sorted, at / 100)));
}
function escaped(text2) {
  return text2.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
function cellOf({ policy, totalMs: totalMs2, conversations, steps }, load, seed, slo) {
  const times = conversations.flatMap(({ turns, error }) => {
    const one = error === void 0 ? conversationTimes(turns) : void 0;
    return one ? [one] : [];
  });
  const kept = times.filter((one) => keepsSlo(one, slo)).length;
  const seconds = totalMs2 / 1e3;
  const each = (of) => percentiles$1(times.flatMap((one) => of(one) ?? []));
  const tokens = conversations.flatMap(({ turns }) => turns).reduce((sum, { tokenMs }) => sum + tokenMs.length, 0);
  const busyMs = {};
  for (const { device, startMs, endMs } of steps) busyMs[device] = (busyMs[device] ?? 0) + endMs - startMs;
  return {
    policy,
    load,
    seed,
    conversations: conversations.length,
    failed: conversations.length - times.length,
    seconds: round$2(seconds),
    ttfetMs: each(({ ttfetMs }) => ttfetMs),
    ttfetWithPausesMs: each(({ ttfetWithPausesMs }) => ttfetWithPausesMs),
    firstTtftMs: each(({ firstTtftMs }) => firstTtftMs),
    laterTtftMs: each(({ laterTtftMs }) => laterTtftMs),
    tbtMs: each(({ tbtMs }) => tbtMs),
    lastTurnTbtMs: each(({ lastTurnTbtMs }) => lastTurnTbtMs),
    sloShare: round$2(kept / conversations.length),
    goodput: round$2(kept / seconds),
    outputTokensPerSecond: round$2(tokens / seconds),
    handoffs: conversations.reduce((sum, { transfers }) => sum + transfers, 0),
    handoffBytes: conversations.reduce((sum, { movedBytes }) => sum + movedBytes, 0),
    busy: Object.fromEntries(Object.entries(busyMs).map(([device, ms]) => [device, round$2(ms / totalMs2)]))
  };
}
function percentiles$1(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q) => sorted.length === 0 ? Number.NaN : round$2(quantile(sorted, q));
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), mean: round$2(mean) };
}
function round$2(value) {
  return Number(value.toPrecision(4));
}
class Draws {
  #state;
  constructor(seed) {
    this.#state = seed >>> 0;
  }
  /** In [0, 1): mulberry32. */
  uniform() {
    this.#state = this.#state + 1831565813 >>> 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  }
  /** An integer in [min, max]. */
  integer(min, max) {
    return min + Math.floor(this.uniform() * (max - min + 1));
  }
  /** Of mean 1: the gaps of a Poisson process. */
  exponential() {
    return -Math.log(1 - this.uniform());
  }
  /** Standard normal (Box and Muller). */
  normal() {
    return Math.sqrt(2 * this.exponential()) * Math.cos(2 * Math.PI * this.uniform());
  }
  /** Log-normal of this median; `sigma` is the standard deviation of the logarithm. */
  logNormal(median, sigma) {
    return median * Math.exp(sigma * this.normal());
  }
}
function generateWorkload(options) {
  const { seed, conversations, ratePerSecond, shape } = options;
  const arrivals = new Draws(seed ^ 1540483477);
  const draws = new Draws(seed);
  let arrivalMs = 0;
  return Array.from({ length: conversations }, (_, index) => {
    arrivalMs += arrivals.exponential() * 1e3 / ratePerSecond;
    const count = draws.integer(shape.turns.min, shape.turns.max);
    const turns = Array.from({ length: count }, (_2, turn) => drawTurn(draws, shape, turn === 0));
    return { id: `agent-${index + 1}`, arrivalMs, turns };
  });
}
function drawTurn(draws, shape, isFirst) {
  return {
    inputTokens: tokensFrom(draws, isFirst ? shape.firstTokens : shape.laterTokens),
    outputTokens: tokensFrom(draws, shape.outputTokens),
    delayMs: isFirst ? 0 : drawFrom(draws, shape.pauseMs)
  };
}
function tokensFrom(draws, distribution) {
  return Math.max(1, Math.round(drawFrom(draws, distribution)));
}
function drawFrom(draws, { median, sigma, min, max }) {
  return Math.min(max, Math.max(min, draws.logNormal(median, sigma)));
}
function totalsOf(workload) {
  const turns = workload.flatMap((conversation) => conversation.turns);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const lengths = workload.map((conversation) => lengthOf(conversation.turns));
  return {
    conversations: workload.length,
    turns: turns.length,
    inputTokens: sum(turns.map(({ inputTokens }) => inputTokens)),
    outputTokens: sum(turns.map(({ outputTokens }) => outputTokens)),
    firstTurnTokens: sum(workload.map((conversation) => conversation.turns[0]?.inputTokens ?? 0)),
    longestTokens: Math.max(0, ...lengths)
  };
}
function lengthOf(turns) {
  return turns.reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens + outputTokens, 0);
}
function describeMachine() {
  const [first] = cpus();
  return {
    baton: version,
    commit: commit(),
    node: process.versions.node,
    dawn: dawnVersion(),
    os: `${type()} ${release()} ${arch()}`,
    cpu: first?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem()
  };
}
function loadAverage() {
  return loadavg()[0] ?? 0;
}
function dawnVersion() {
  const path = createRequire(import.meta.url).resolve("webgpu/package.json");
  const { version: version2 } = JSON.parse(readFileSync(path, "utf8"));
  return version2;
}
function commit() {
  try {
    const args = ["describe", "--always", "--dirty", "--exclude=*"];
    const cwd = dirname(fileURLToPath(import.meta.url));
    return execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}
const OCCUPANCY_MS = 100;
async function replay(workload, { policy, devices, seed, signal, onConversation }) {
  const beginMs = performance.now();
  const now = () => performance.now() - beginMs;
  const log = { steps: [], copies: [] };
  const runners = new Map(devices.map(({ id, runner }) => [id, logged(id, runner, log, now)]));
  const specs = devices.map(({ id, role, limits }) => ({ id, role, limits }));
  const scheduler = new Scheduler({ devices: specs, policy, speculation: "off" });
  const loop = new TurnLoop(scheduler, runners, { now });
  const vocabTokens = devices[0]?.limits.vocabTokens ?? 1;
  const blockBytes = devices[0]?.limits.blockBytes ?? 0;
  const occupancy = [];
  const watch = setInterval(() => {
    const blocks = scheduler.snapshot().devices.map(({ id, blocks: blocks2 }) => [id, blocks2.used]);
    occupancy.push({ atMs: now(), blocks: Object.fromEntries(blocks) });
  }, OCCUPANCY_MS);
  let done = 0;
  const one = async (conversation, index) => {
    const { id } = conversation;
    const draws = new Draws(seed * 100003 + index >>> 0);
    await pause(conversation.arrivalMs - now(), signal);
    const turns = [];
    let error;
    for (const turn of conversation.turns) {
      await pause(turn.delayMs, signal);
      const tokens = Array.from({ length: turn.inputTokens }, () => draws.integer(0, vocabTokens - 1));
      const arrivedMs = now();
      const tokenMs = [];
      try {
        await new Promise((resolve, failed) => {
          const output = {
            kind: "tokens",
            sampling: GREEDY,
            maxTokens: turn.outputTokens,
            endTokens: [],
            stopTokens: []
          };
          const token = (_, atMs) => void tokenMs.push(atMs);
          const keep = scheduler.history(id).length;
          loop.start(
            { conversation: id, keep, tokens, output },
            { token, finished: () => resolve(), failed }
          );
        });
      } catch (cause) {
        error = cause instanceof Error ? cause.message : String(cause);
        break;
      }
      turns.push({ arrivedMs, tokenMs, endedMs: now(), pauseMs: turn.delayMs });
    }
    const seen = scheduler.snapshot().conversations.find((state) => state.id === id);
    loop.close(id);
    onConversation?.(++done);
    return {
      id,
      turns,
      transfers: seen?.transfers ?? 0,
      movedBytes: (seen?.movedBlocks ?? 0) * blockBytes,
      error
    };
  };
  try {
    const conversations = await Promise.all(workload.map(one));
    return { policy: policy.name, totalMs: now(), conversations, ...log, occupancy };
  } finally {
    clearInterval(watch);
    await loop.dispose();
  }
}
function logged(device, runner, log, now) {
  const copied = async (step, bytes, work) => {
    const startMs = now();
    const result = await work;
    log.copies.push({ device, step, startMs, endMs: now(), bytes });
    return result;
  };
  return {
    name: runner.name,
    limits: runner.limits,
    run: async (plan) => {
      const result = await runner.run(plan);
      const endMs = now();
      log.steps.push({ device, startMs: endMs - result.ms, endMs, ...contentOf(plan) });
      return result;
    },
    exportBlocks: (blocks) => copied("export", blocks.length * runner.limits.blockBytes, runner.exportBlocks(blocks)),
    importBlocks: (blocks, data) => copied("import", data.byteLength, runner.importBlocks(blocks, data)),
    dispose: () => {
    }
  };
}
function contentOf({ rows }) {
  const decodes = rows.filter(({ tokens, output, position }) => {
    return tokens.length === 1 && output.kind === "token" && position > 0;
  }).length;
  return { decodes, prefillTokens: rows.reduce((sum, { tokens }) => sum + tokens.length, 0) - decodes };
}
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener("abort", stop);
        resolve();
      },
      Math.max(0, ms)
    );
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
const AGENTS = {
  turns: { min: 1, max: 5 },
  firstTokens: { median: 160, sigma: 0.5, min: 32, max: 640 },
  laterTokens: { median: 24, sigma: 0.6, min: 4, max: 128 },
  outputTokens: { median: 12, sigma: 0.5, min: 2, max: 48 },
  pauseMs: { median: 200, sigma: 0.8, min: 20, max: 2e3 }
};
const PREFILLER$1 = "prefiller";
const DECODER$2 = "decoder";
const CALIBRATION = 40;
async function runAgents(request) {
  setMaxListeners(0, request.signal);
  const before = loadAverage();
  const opened = [];
  const open2 = async (adapter, sharers) => {
    const runner = await openAgentRunner(request, adapter, sharers);
    opened.push(runner);
    return runner;
  };
  try {
    const [first, second] = request.adapters;
    const pair = [
      deviceOf(PREFILLER$1, "prefiller", await open2(first, 2)),
      deviceOf(DECODER$2, "decoder", await open2(second, 2))
    ];
    const alone = request.wholeMachine ? [deviceOf("whole", "both", await open2(first, 1))] : [];
    if (pair.some(({ runner }) => isSoftware(runner))) request.onSoftware(pair[0]?.runner.name ?? "");
    const { cells, replays, loads } = await takeCells(request, pair, alone);
    const report = {
      benchmark: "agents",
      takenAt: (/* @__PURE__ */ new Date()).toISOString(),
      machine: describeMachine(),
      loadAverage: [before, loadAverage()],
      devices: pair.map(({ role, runner }) => ({ role, adapter: runner.name })),
      model: request.model.kind === "shape" ? `${request.model.name}, random weights` : request.model.name,
      workload: describeWorkload(request),
      slo: request.slo,
      loads,
      cells
    };
    return { report, replays };
  } finally {
    for (const runner of opened) runner.dispose();
  }
}
function deviceOf(id, role, runner) {
  return { id, role, limits: runner.limits, runner };
}
function isSoftware(runner) {
  return runner instanceof Object && "tunable" in runner && runner.tunable.gpu.summary.software;
}
async function openAgentRunner({ model, kvMiB, signal, onProgress }, adapter, sharers) {
  const gpu = await openDevice(await openAdapter({ sharers, ...adapter !== "" && { name: adapter } }));
  const shape = shapes[model.name];
  const file = model.kind === "shape" && shape ? await openRandomModel(model.name, shape, 1, signal) : await openGguf(await createNodePlatform().resolveModel(model.name, { onProgress, signal }), {
    signal
  });
  try {
    const sized = kvMiB === void 0 ? {} : { kvMiB };
    return await openRunner({ gpu, file, precision: "default", maxStepTokens: 256, onProgress, ...sized });
  } finally {
    await file.close();
  }
}
async function takeCells(request, pair, alone) {
  const { loads: shares, seeds, conversations, signal, onProgress, slo } = request;
  const sides = [
    ...request.policies.map((name) => ({ name, policy: policies[name], devices: pair })),
    ...alone.map((device) => ({
      name: "whole-machine",
      policy: policies["collocated-sticky"],
      devices: [device]
    }))
  ];
  const total = conversations * sides.length * shares.length * seeds;
  let done = 0;
  const onConversation = () => onProgress({ phase: "measure", done: ++done, total, unit: "conversations", label: "" });
  const greatest = await calibrate(request, pair, alone);
  const loads = shares.map((load) => ({ load, ratePerSecond: load * greatest }));
  const cells = [];
  const replays = [];
  for (let seed = 1; seed <= seeds; seed++) {
    for (const { load, ratePerSecond } of loads) {
      const workload = workloadOf(request, seed, conversations, ratePerSecond);
      for (const [at] of sides.entries()) {
        const side = sides[(at + seed) % sides.length];
        if (side === void 0) continue;
        const options = { policy: side.policy, devices: side.devices, seed, signal, onConversation };
        const replayed = { ...await replay(workload, options), policy: side.name };
        cells.push(cellOf(replayed, load, seed, slo));
        if (seed === 1 && load === shares.at(-1)) replays.push(replayed);
      }
    }
  }
  return { cells, replays, loads };
}
async function calibrate(request, pair, alone) {
  const count = Math.min(CALIBRATION, request.conversations);
  const workload = workloadOf(request, 999, count, 1e3);
  const signal = request.signal;
  for (const device of alone)
    await replay(workload.slice(0, 4), { policy: policies.conserve, devices: [device], seed: 999, signal });
  await replay(workload.slice(0, 8), { policy: policies.conserve, devices: pair, seed: 999, signal });
  const { totalMs: totalMs2 } = await replay(workload, { policy: policies.conserve, devices: pair, seed: 999, signal });
  return count * 1e3 / totalMs2;
}
function workloadOf({ trace }, seed, conversations, ratePerSecond) {
  if (trace === void 0) return generateWorkload({ seed, conversations, ratePerSecond, shape: AGENTS });
  const first = trace.slice(0, conversations);
  const lastMs = first.at(-1)?.arrivalMs ?? 0;
  const scale = lastMs === 0 ? 0 : first.length * 1e3 / ratePerSecond / lastMs;
  return first.map((conversation) => ({ ...conversation, arrivalMs: conversation.arrivalMs * scale }));
}
function describeWorkload({ trace, conversations, seeds }) {
  const workload = trace?.slice(0, conversations) ?? workloadOf({ trace }, 1, conversations, 1);
  const { turns, inputTokens, outputTokens, firstTurnTokens, longestTokens } = totalsOf(workload);
  const share2 = Math.round(100 * firstTurnTokens / inputTokens);
  return `${workload.length} conversations, ${turns} turns, ${inputTokens} prompt tokens (${share2}% in first turns), ${outputTokens} answered, the longest ${longestTokens}; ${trace ? "a trace" : `${seeds} seeds`}`;
}
const WHOLE = "whole-machine";
function addAgents(program, io) {
  const names = Object.keys(policies);
  program.command("agents").description(
    "Replay agents' conversations over a prefiller and a decoder under each policy, and compare."
  ).option("--devices <adapters>", "prefiller and decoder: parts of their names, separated by a comma", ",").option(
    "--policies <names>",
    `some of ${names.join(", ")}, and ${WHOLE}: one device that has all cores`,
    [...names, WHOLE].join(",")
  ).option(
    "--loads <shares>",
    "conversations a second, as shares of what the devices manage at most",
    "0.4,0.7,1"
  ).option("--conversations <number>", "conversations of a cell", parseNumber("--conversations"), 200).option("--seeds <number>", "workloads of each load", parseNumber("--seeds"), 2).option("--shape <name>", `random weights of this shape: ${Object.keys(shapes).join(", ")}`, "tiny-15m").option("--model <model>", "name in the catalogue or path of a GGUF file, in place of a shape").option("--kv-mib <MiB>", "size of each KV pool", parseNumber("--kv-mib")).option("--ttft-slo <ms>", "most a turn may wait for its first token", parseNumber("--ttft-slo"), 2e3).option("--tbt-slo <ms>", "most the mean time between tokens may be", parseNumber("--tbt-slo"), 100).option("--trace <file>", "turns as JSON lines (session_id, timestamp or delay, lengths), or Mooncake's").option("--html <file>", "write a report with plots").option("--json", "print JSON for machines").option("--quiet", "nothing on stderr but errors").action(async (options) => {
    const request = await requestOf$2(options);
    const progress = createProgress(io, options.quiet === true);
    const onProgress = progress.report.bind(progress);
    const onSoftware = (name) => {
      if (options.quiet !== true) say(io, `${name} is a software adapter: everything is slow on it.`);
    };
    const { report, replays } = await interruptible(
      io,
      (signal) => runAgents({ ...request, signal, onProgress, onSoftware })
    ).finally(() => progress.stop());
    if (options.html !== void 0)
      await writeFile(options.html, agentsHtml(report, describe$4(report), replays));
    await (options.json ? printJson(io, report) : print(io, describe$4(report)));
  });
}
async function requestOf$2(options) {
  const { shape, model, kvMib } = options;
  if (model === void 0 && !Object.hasOwn(shapes, shape))
    throw invalidOption("--shape", shape, `one of ${Object.keys(shapes).join(", ")}`);
  const adapters = options.devices.split(",").map((name) => name.trim());
  if (adapters.length !== 2)
    throw invalidOption("--devices", options.devices, "two adapters with a comma between");
  const words = options.policies.split(",").map((name) => name.trim());
  const unknown = words.find((name) => name !== WHOLE && !Object.hasOwn(policies, name));
  if (unknown !== void 0) throw invalidOption("--policies", unknown, `a policy, or ${WHOLE}`);
  const loads = options.loads.split(",").map((load) => Number(load));
  for (const load of loads) checkNumber("--loads", load, { above: 0, max: 10 });
  const text2 = options.trace === void 0 ? void 0 : await readTrace(options.trace);
  return {
    adapters: [adapters[0] ?? "", adapters[1] ?? ""],
    policies: words.filter((name) => name !== WHOLE),
    wholeMachine: words.includes(WHOLE),
    loads,
    conversations: checkNumber("--conversations", options.conversations, {
      min: 1,
      max: 1e5,
      integer: true
    }),
    seeds: checkNumber("--seeds", options.seeds, { min: 1, max: 1e3, integer: true }),
    model: model === void 0 ? { kind: "shape", name: shape } : { kind: "file", name: model },
    kvMiB: kvMib === void 0 ? void 0 : checkNumber("--kv-mib", kvMib, { above: 0, max: 2 ** 20 }),
    slo: {
      ttftMs: checkNumber("--ttft-slo", options.ttftSlo, { above: 0, max: 36e5 }),
      tbtMs: checkNumber("--tbt-slo", options.tbtSlo, { above: 0, max: 36e5 })
    },
    trace: text2 === void 0 ? void 0 : parseTrace(text2, options.trace ?? "")
  };
}
async function readTrace(path) {
  return readFile(path, "utf8").catch((cause) => {
    throw invalidOption("--trace", path, `a file that can be read (${cause.code})`);
  });
}
function describe$4({
  machine,
  devices,
  model,
  workload,
  slo,
  loads,
  cells,
  loadAverage: loadAverage2
}) {
  const [before, after] = loadAverage2.map((load) => load.toFixed(1));
  const head = formatTable([
    ...devices.map(({ role, adapter }) => [role, adapter]),
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no clone"}), Node ${machine.node}, Dawn ${machine.dawn}`
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    ["model", model],
    ["workload", workload],
    ["SLOs", `every turn's TTFT at most ${slo.ttftMs} ms, mean TBT at most ${slo.tbtMs} ms`]
  ]);
  const tables = loads.map(({ load, ratePerSecond }) => {
    const rows = cells.filter((cell) => cell.load === load);
    const names = [...new Set(rows.map(({ policy }) => policy))];
    const body = names.map((policy) => {
      const own = rows.filter((cell) => cell.policy === policy);
      const range2 = (of, digits) => spreadOf(own.map(of), digits);
      return [
        policy,
        range2((cell) => cell.ttfetMs.p50, 0),
        range2((cell) => cell.ttfetMs.p95, 0),
        range2((cell) => cell.firstTtftMs.p95, 0),
        range2((cell) => cell.laterTtftMs.p95, 0),
        range2((cell) => cell.lastTurnTbtMs.p95, 1),
        range2((cell) => 100 * cell.sloShare, 0),
        range2((cell) => cell.goodput, 2),
        range2((cell) => cell.handoffs / cell.conversations, 2),
        range2((cell) => cell.handoffBytes / 2 ** 20, 0),
        range2((cell) => cell.failed, 0)
      ];
    });
    const columns = ["policy", "TTFET p50", "p95", "1st TTFT p95", "later p95", "last TBT p95", "SLO %", "goodput/s", "handoffs", "MiB", "failed"];
    return `
load ${load}: ${ratePerSecond.toFixed(2)} conversations a second
${formatTable([columns, ...body])}`;
  });
  return [head, ...tables].join("\n");
}
function spreadOf(values, digits) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return mean.toFixed(digits);
  return `${mean.toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
}
const sampled = {
  kind: "token",
  sampling: { ...greedy, promptTokens: [], completionTokens: [] }
};
const unsampled = { kind: "none" };
const withLogits = { kind: "logits" };
class EngineBench {
  #runner;
  #prompts;
  /** Block tables of prefill and, by context and row, of decode: contexts stay in the cache from the first round to the last. */
  #scratch;
  #tables = /* @__PURE__ */ new Map();
  #plan = 0;
  #nextBlock;
  /**
   * `firstBlock`: the pool's blocks before it are somebody else's.
   * @throws CapacityError `kv-full` where the pool does not hold all contexts at once
   */
  constructor(runner, cases, seed, firstBlock = 0) {
    this.#runner = runner;
    this.#nextBlock = firstBlock;
    const rows = Math.max(...cases.map(({ batch: batch2 }) => batch2));
    const longest = Math.max(...cases.map(({ contextTokens, tokens }) => contextTokens + tokens));
    const random = new RandomWords(seed);
    const { vocabTokens } = runner.limits;
    this.#prompts = Array.from({ length: rows }, () => random.integers(longest, vocabTokens));
    this.#scratch = this.#take(scratchTokens(cases));
    for (const [key, tokens] of tableTokens(cases)) this.#tables.set(key, this.#take(tokens));
    this.#assertFits();
  }
  /**
   * Before anything is timed: logits are numbers, and what the GPU samples is their largest. Resolves to the dispatches of
   * a step that decodes one token.
   * @throws DeviceError `gpu-error`
   */
  async check() {
    const prompt = this.#prompt(0).slice(0, CHECKED_TOKENS);
    await this.#prefill("check", prompt, this.#scratch, false);
    const last = {
      sequence: "check",
      tokens: prompt.slice(-1),
      position: prompt.length - 1,
      blocks: this.#scratch
    };
    const [logits] = await this.#step([{ ...last, output: withLogits }]);
    const before = this.#runner.dispatches;
    const [token] = await this.#step([{ ...last, output: sampled }]);
    const dispatches = this.#runner.dispatches - before;
    if (logits?.kind !== "logits" || !logits.logits.every(Number.isFinite)) {
      throw wrongResult(this.#runner.name, "logits that are no numbers");
    }
    const likeliest = logits.logits.indexOf(logits.logits.reduce((a, b) => Math.max(a, b)));
    if (tokenOf(token) !== likeliest) {
      throw wrongResult(
        this.#runner.name,
        `the token ${tokenOf(token)} where ${likeliest} has the largest logit`
      );
    }
    return dispatches;
  }
  /** Brings a case's contexts into the cache. */
  async prepare({ group, batch: batch2, contextTokens }) {
    if (group === "prefill" || contextTokens === 0) return;
    for (let row2 = 0; row2 < batch2; row2++) {
      const tokens = this.#prompt(row2).slice(0, contextTokens);
      await this.#prefill(`${row2}`, tokens, this.#table(contextTokens, row2), false);
    }
  }
  async sample(one) {
    const before = this.#runner.dispatches;
    const timed = one.group === "prefill" ? await this.#samplePrefill(one) : await this.#sampleDecode(one);
    const { stepMs, startedMs, tokens } = timed;
    return { stepMs, startedMs, tokens, dispatches: this.#runner.dispatches - before };
  }
  /** A step of the case: of decode the first one, of prefill the last chunk. For a case that was prepared and sampled. */
  planOf({ group, id, batch: batch2, contextTokens, tokens }) {
    const planId = this.#plan++;
    if (group !== "prefill") {
      const rows = this.#decodeRows(this.#firstTokens(batch2, contextTokens), contextTokens, contextTokens);
      return { id: planId, rows };
    }
    const { maxStepTokens } = this.#runner.limits;
    const position = Math.floor((tokens - 1) / maxStepTokens) * maxStepTokens;
    const chunk = this.#prompt(0).slice(position, tokens);
    const row2 = { sequence: id, tokens: chunk, position, blocks: this.#scratch, output: sampled };
    return { id: planId, rows: [row2] };
  }
  async #samplePrefill({ id, tokens }) {
    return this.#prefill(id, this.#prompt(0).slice(0, tokens), this.#scratch, true);
  }
  async #sampleDecode({ batch: batch2, contextTokens, tokens }) {
    const steps = new TimedSteps(this.#runner.limits.plansInFlight);
    for (let step = 0; step < tokens; step++) {
      const first = this.#firstTokens(batch2, contextTokens);
      const next = steps.inFlight > 0 ? first.map(() => FED_TOKEN) : step > 0 ? steps.tokens.slice(-batch2) : first;
      await steps.add(() => this.#step(this.#decodeRows(next, contextTokens, contextTokens + step)));
    }
    return steps.landed();
  }
  #firstTokens(batch2, contextTokens) {
    return Array.from({ length: batch2 }, (_, row2) => this.#prompt(row2)[contextTokens] ?? 0);
  }
  #decodeRows(tokens, contextTokens, position) {
    return tokens.map((token, row2) => ({
      sequence: `${row2}`,
      tokens: [token],
      position,
      blocks: this.#table(contextTokens, row2),
      output: sampled
    }));
  }
  /** In chunks of what a step holds; with `sample`, the last one gives a token. */
  async #prefill(sequence, tokens, blocks, sample) {
    const { maxStepTokens } = this.#runner.limits;
    const steps = new TimedSteps(this.#runner.limits.plansInFlight);
    for (let position = 0; position < tokens.length; position += maxStepTokens) {
      const chunk = tokens.slice(position, position + maxStepTokens);
      const isLast = position + chunk.length === tokens.length;
      const output = sample && isLast ? sampled : unsampled;
      const row2 = { sequence, tokens: chunk, position, blocks, output };
      await steps.add(() => this.#step([row2]));
    }
    return steps.landed();
  }
  async #step(rows) {
    const result = await this.#runner.run({ id: this.#plan++, rows });
    return result.rows;
  }
  #prompt(row2) {
    return this.#prompts[row2] ?? [];
  }
  #table(contextTokens, row2) {
    return this.#tables.get(`${contextTokens}/${row2}`) ?? [];
  }
  #take(tokens) {
    const count = Math.ceil(tokens / this.#runner.limits.blockTokens);
    this.#nextBlock += count;
    return Array.from({ length: count }, (_, index) => this.#nextBlock - count + index);
  }
  #assertFits() {
    const { limits, kvBytes } = this.#runner;
    const needed = this.#nextBlock;
    if (needed <= limits.blocks) return;
    const mib = Math.ceil(needed * kvBytes / limits.blocks / 2 ** 20);
    throw new CapacityError(
      "kv-full",
      `The measurements need ${needed} KV blocks at once and the pool has ${limits.blocks}. Give --kv-mib ${mib}, or measure less with --only.`,
      { needed, available: limits.blocks }
    );
  }
}
function blocksOf(cases, blockTokens) {
  const tables = [scratchTokens(cases), ...tableTokens(cases).values()];
  return tables.reduce((sum, tokens) => sum + Math.ceil(tokens / blockTokens), 0);
}
function scratchTokens(cases) {
  const prompts = cases.filter(({ group }) => group === "prefill").map(({ tokens }) => tokens);
  return Math.max(CHECKED_TOKENS, ...prompts);
}
function tableTokens(cases) {
  const tables = /* @__PURE__ */ new Map();
  for (const { group, batch: batch2, contextTokens, tokens } of cases) {
    if (group === "prefill") continue;
    for (let row2 = 0; row2 < batch2; row2++) tables.set(`${contextTokens}/${row2}`, contextTokens + tokens);
  }
  return tables;
}
class TimedSteps {
  stepMs = [];
  startedMs = [];
  tokens = [];
  #most;
  #flying = [];
  #landedMs = 0;
  constructor(mostInFlight) {
    this.#most = mostInFlight;
  }
  get inFlight() {
    return this.#flying.length;
  }
  /** Gives a step; resolves when there is room for another. */
  async add(step) {
    const givenMs = performance.now();
    const rows = step();
    rows.catch(() => {
    });
    this.#flying.push({ givenMs, rows });
    if (this.#flying.length >= this.#most) await this.#land();
  }
  /** When all have landed. */
  async landed() {
    while (this.#flying.length > 0) await this.#land();
    return this;
  }
  async #land() {
    const next = this.#flying.shift();
    if (!next) return;
    const rows = await next.rows;
    const started = Math.max(next.givenMs, this.#landedMs);
    this.#landedMs = performance.now();
    this.stepMs.push(this.#landedMs - started);
    this.startedMs.push(started);
    for (const row2 of rows) if (row2.kind !== "none") this.tokens.push(tokenOf(row2));
  }
}
const CHECKED_TOKENS = 32;
function wrongResult(device, what) {
  return new DeviceError(
    "gpu-error",
    `"${device}" gave ${what}, so nothing was measured. Run \`npm test\` to see which kernel is wrong there.`,
    { device }
  );
}
function tokenOf(result) {
  if (result?.kind !== "token") throw new TypeError(`a row came back as ${result?.kind}`);
  return result.token;
}
function runTurn(loop, conversation, keep, prompt, maxTokens) {
  const tokens = [];
  const tokenMs = [];
  const output = { kind: "tokens", sampling: GREEDY, maxTokens, endTokens: [], stopTokens: [] };
  return new Promise((resolve, failed) => {
    const token = (value, atMs) => {
      tokens.push(value);
      tokenMs.push(atMs);
    };
    loop.start(
      { conversation, keep, tokens: prompt, output },
      { token, finished: () => resolve({ tokens, tokenMs }), failed }
    );
  });
}
function benchedModel(option, name) {
  if (name.trim() === "") throw invalidOption(option, name, "a shape, a model's name or a file");
  return { kind: Object.hasOwn(shapes, name) ? "shape" : "file", name };
}
function modelText({ kind, name }) {
  return kind === "shape" ? `${name}, random weights` : name;
}
async function openModelRunner(request) {
  const { adapter, sharers, kvMiB, onProgress } = request;
  const gpu = await openDevice(await openAdapter({ sharers, ...adapter !== "" && { name: adapter } }));
  const file = await openFile(request).catch((error) => {
    gpu.destroy();
    throw error;
  });
  try {
    const sized = kvMiB === void 0 ? {} : { kvMiB };
    return await openRunner({ gpu, file, precision: "default", maxStepTokens: 256, onProgress, ...sized });
  } finally {
    await file.close();
  }
}
async function openFile({ model, signal, onProgress }) {
  const shape = model.kind === "shape" ? shapes[model.name] : void 0;
  if (shape) return openRandomModel(model.name, shape, 1, signal);
  return openGguf(await createNodePlatform().resolveModel(model.name, { onProgress, signal }), { signal });
}
function observed(device, runner, log, blocks) {
  let endedMs = 0;
  const copied = async (step, count, work) => {
    const startMs = performance.now();
    const result = await work;
    const bytes = count * runner.limits.blockBytes;
    log.copies.push({ device, step, blocks: count, bytes, startMs, endMs: performance.now() });
    return result;
  };
  return {
    name: runner.name,
    limits: { ...runner.limits, blocks },
    run: async (plan) => {
      const givenMs = performance.now();
      const result = await runner.run(plan);
      const startMs = Math.max(givenMs, endedMs);
      endedMs = performance.now();
      const sequences = plan.rows.map(({ sequence }) => sequence);
      log.steps.push({ device, sequences, givenMs, startMs, endMs: endedMs });
      return result;
    },
    exportBlocks: (wanted) => copied("export", wanted.length, runner.exportBlocks(wanted)),
    importBlocks: (wanted, data) => copied("import", wanted.length, runner.importBlocks(wanted, data)),
    dispose: () => {
    }
  };
}
function spread$1(values) {
  const summary = summarize(values);
  if (!summary) throw new RangeError("nothing was measured");
  const { samples, median, min, max } = summary;
  return { samples, median: round$1(median), min: round$1(min), max: round$1(max) };
}
function round$1(value) {
  return Number(value.toPrecision(5));
}
const PLACEMENTS = ["one-device", "decoder"];
const BAR$1 = 0.9;
const WARM_UPS$1 = 1;
const DECODER$1 = "decoder";
async function runBatching(request) {
  setMaxListeners(0, request.signal);
  const total = request.models.length * request.placements.length * (request.rounds + WARM_UPS$1);
  let done = 0;
  const onRound = () => request.onProgress({ phase: "measure", done: ++done, total, unit: "samples", label: "" });
  const results = [];
  for (const model of request.models) {
    for (const placement of request.placements)
      results.push(await measurePlacement(request, model, placement, onRound));
  }
  return results;
}
async function measurePlacement(request, model, placement, onRound) {
  const { adapter, kvMiB, signal, onProgress } = request;
  const roles = placement === "one-device" ? ["both"] : ["prefiller", "decoder"];
  const opened = [];
  try {
    for (const role of roles) {
      const runner = await openModelRunner({
        model,
        adapter,
        sharers: roles.length,
        kvMiB,
        signal,
        onProgress
      });
      opened.push({ runner, role });
    }
    const last = opened.at(-1);
    if (last === void 0) throw new Error("no device was opened");
    if (last.runner.tunable.gpu.summary.software) request.onSoftware(last.runner.name);
    const policy = placement === "one-device" ? "baton" : "conserve";
    const rounds = await takeRounds$1(request, opened, last.runner, policy, onRound);
    const ratio = spread$1(rounds.map(({ scheduled, direct }) => scheduled.rate / direct.rate));
    const live = rounds.map(({ scheduled }) => scheduled.rowsPerStep);
    return {
      model: modelText(model),
      placement,
      policy,
      adapter: last.runner.name,
      scheduled: spread$1(rounds.map(({ scheduled }) => scheduled.rate)),
      direct: spread$1(rounds.map(({ direct }) => direct.rate)),
      ratio,
      rowsPerStep: live.reduce((sum, rows) => sum + rows, 0) / live.length,
      met: ratio.median >= BAR$1
    };
  } finally {
    for (const { runner } of opened) runner.dispose();
  }
}
async function takeRounds$1(request, opened, decoder, policy, onRound) {
  const { conversations, contextTokens, tokens, rounds, signal } = request;
  const one = {
    id: `batch-${conversations}`,
    group: "batch",
    batch: conversations,
    contextTokens,
    tokens,
    everyRounds: 1
  };
  const ownBlocks = decoder.limits.blocks - blocksOf([one], decoder.limits.blockTokens);
  const bench = new EngineBench(decoder, [one], 1, ownBlocks);
  await bench.check();
  await bench.prepare(one);
  const live = await LiveBatch.open(request, opened, policy, Math.max(1, ownBlocks));
  const expected = /* @__PURE__ */ new Map();
  const sameTokens = (side, found) => {
    const text2 = found.join(" ");
    if ((expected.get(side) ?? text2) !== text2) throw new Error(`other tokens for the same prompts (${side})`);
    expected.set(side, text2);
  };
  const taken = [];
  try {
    for (let round2 = -WARM_UPS$1; round2 < rounds; round2++) {
      signal.throwIfAborted();
      const direct = async () => {
        const sample = await bench.sample(one);
        sameTokens("direct", sample.tokens);
        const ms = sample.stepMs.slice(1).reduce((sum, step) => sum + step, 0);
        return { rate: conversations * (tokens - 1) * 1e3 / ms };
      };
      const first = round2 % 2 === 0 ? await direct() : void 0;
      const scheduled = await live.sample();
      sameTokens("scheduled", scheduled.tokens);
      const other = first ?? await direct();
      if (round2 >= 0) taken.push({ scheduled, direct: other });
      onRound();
    }
  } finally {
    await live.dispose();
  }
  return taken;
}
class LiveBatch {
  #loop;
  #log;
  #request;
  constructor(loop, log, request) {
    this.#loop = loop;
    this.#log = log;
    this.#request = request;
  }
  static async open(request, opened, policy, blocks) {
    const log = { steps: [], copies: [] };
    const devices = opened.map(({ runner, role }, at) => {
      const id = at === opened.length - 1 ? DECODER$1 : "prefiller";
      const own = at === opened.length - 1 ? blocks : runner.limits.blocks;
      return { id, role, runner: observed(id, runner, log, own) };
    });
    const scheduler = new Scheduler({
      devices: devices.map(({ id, role, runner: { limits } }) => ({ id, role, limits })),
      policy: policies[policy],
      speculation: "off"
    });
    const loop = new TurnLoop(scheduler, new Map(devices.map(({ id, runner }) => [id, runner])));
    const batch2 = new LiveBatch(loop, log, request);
    const [first] = devices;
    const random = new RandomWords(2);
    await batch2.#all((id) => {
      const prompt = random.integers(request.contextTokens, first?.runner.limits.vocabTokens ?? 1);
      return runTurn(loop, id, 0, prompt, 1);
    });
    return batch2;
  }
  async sample() {
    const { contextTokens, tokens, conversations } = this.#request;
    this.#log.steps.length = 0;
    const turns = await this.#all((id, at) => runTurn(this.#loop, id, contextTokens, [at + 1], tokens));
    const startMs = Math.max(...turns.map(({ tokenMs }) => tokenMs[0] ?? Number.NaN));
    const endMs = Math.min(...turns.map(({ tokenMs }) => tokenMs.at(-1) ?? Number.NaN));
    const within = turns.flatMap(({ tokenMs }) => tokenMs.filter((ms) => ms > startMs && ms <= endMs));
    const steps = this.#log.steps.filter(({ device }) => device === DECODER$1);
    return {
      rate: within.length * 1e3 / (endMs - startMs),
      rowsPerStep: conversations * tokens / steps.length,
      tokens: turns.flatMap((turn) => turn.tokens)
    };
  }
  dispose() {
    return this.#loop.dispose();
  }
  #all(one) {
    return Promise.all(Array.from({ length: this.#request.conversations }, (_, at) => one(`c${at}`, at)));
  }
}
function addBatching(program, io) {
  program.command("batching").description("Measure whether conversations that decode at once reach the device's own batched rate.").option(
    "--models <names>",
    "shapes of random weights, names in the catalogue, or files",
    `tiny-15m,${catalogue.default}`
  ).option("--placements <names>", `some of ${PLACEMENTS.join(", ")}`, PLACEMENTS.join(",")).option("--conversations <number>", "that decode at once", parseNumber("--conversations"), 8).option("--context <tokens>", "of each conversation before", parseNumber("--context"), 64).option("--tokens <number>", "decode steps of a sample", parseNumber("--tokens"), 16).option("--rounds <number>", "samples of each side", parseNumber("--rounds"), 8).option("--adapter <name>", "part of the adapter's name (default: BATON_ADAPTER, or the best)").option("--kv-mib <MiB>", "size of each KV pool", parseNumber("--kv-mib")).option("--json", "print JSON for machines").option("--quiet", "nothing on stderr but errors").action(async (options) => {
    const request = requestOf$1(options);
    const before = loadAverage();
    const progress = createProgress(io, options.quiet === true);
    const onProgress = progress.report.bind(progress);
    const said = /* @__PURE__ */ new Set();
    const onSoftware = (name) => {
      if (options.quiet !== true && !said.has(name))
        say(io, `${name} is a software adapter: everything is slow on it.`);
      said.add(name);
    };
    const results = await interruptible(
      io,
      (signal) => runBatching({ ...request, signal, onProgress, onSoftware })
    ).finally(() => progress.stop());
    const { conversations, contextTokens, tokens, rounds } = request;
    const report = {
      benchmark: "batching",
      takenAt: (/* @__PURE__ */ new Date()).toISOString(),
      machine: describeMachine(),
      loadAverage: [before, loadAverage()],
      conversations,
      contextTokens,
      tokens,
      rounds,
      bar: BAR$1,
      results
    };
    await (options.json ? printJson(io, report) : print(io, describe$3(report)));
  });
}
function requestOf$1(options) {
  const { kvMib } = options;
  const placements = options.placements.split(",").map((name) => name.trim());
  const unknown = placements.find((name) => !PLACEMENTS.some((placement) => placement === name));
  if (unknown !== void 0) throw invalidOption("--placements", unknown, `one of ${PLACEMENTS.join(", ")}`);
  const whole = (name, value, min, max) => checkNumber(name, value, { min, max, integer: true });
  return {
    adapter: options.adapter ?? "",
    models: options.models.split(",").map((name) => benchedModel("--models", name.trim())),
    placements,
    conversations: whole("--conversations", options.conversations, 1, 64),
    contextTokens: whole("--context", options.context, 1, 4096),
    tokens: whole("--tokens", options.tokens, 8, 4096),
    rounds: whole("--rounds", options.rounds, 1, 1e3),
    kvMiB: kvMib === void 0 ? void 0 : checkNumber("--kv-mib", kvMib, { above: 0, max: 2 ** 20 })
  };
}
function describe$3(report) {
  const { machine, conversations, contextTokens, tokens, rounds, bar } = report;
  const [before, after] = report.loadAverage.map((load) => load.toFixed(1));
  const adapters = [...new Set(report.results.map(({ adapter }) => adapter))];
  const head = formatTable([
    ["adapter", adapters.join(", ")],
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no clone"}), Node ${machine.node}, Dawn ${machine.dawn}`
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    [
      "decoding",
      `${conversations} conversations after ${contextTokens} tokens each, ${tokens} steps a sample`
    ],
    ["samples", `${rounds} rounds, both sides in each; the bar is a ratio of ${bar}`]
  ]);
  const rows = report.results.map((result) => [
    result.model,
    `${result.placement} (${result.policy})`,
    spreadText$1(result.scheduled, 1),
    spreadText$1(result.direct, 1),
    spreadText$1(result.ratio, 3),
    result.rowsPerStep.toFixed(2),
    result.met ? "met" : "missed"
  ]);
  const columns = ["model", "on", "tokens/s scheduled", "direct", "ratio", "rows a step", "bar"];
  return `${head}
${formatTable([columns, ...rows])}`;
}
function spreadText$1({ median, min, max }, digits) {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}
const DECODED_TOKENS = 24;
function addBusyWait(program, io) {
  const command = program.command("busy-wait").description("Measure what waiting for a step costs: resting or polling, with and without a step ahead.").option("--samples <number>", "samples of each way", parseNumber("--samples"), 7);
  addModelOptions(command).action(async (options) => {
    const runtime = checkRuntimeOptions(runtimeOptions(options));
    const samples = checkNumber("--samples", options.samples, { min: 1, max: 1e3, integer: true });
    const onSample = (text2) => options.quiet !== true && say(io, text2);
    const report = await interruptible(io, (signal) => measure$2(runtime, samples, signal, onSample));
    await (options.json ? printJson(io, report) : print(io, describe$2(report)));
  });
}
async function measure$2(runtime, samples, signal, onSample) {
  const resting = await open(runtime, true, signal);
  const polling = await open(runtime, false, signal).catch((error) => {
    resting.dispose();
    throw error;
  });
  const ways = [1, 2].flatMap((inFlight) => [
    { waits: "poll", inFlight, runner: polling },
    { waits: "rest", inFlight, runner: resting }
  ]);
  try {
    const rounds = [];
    for (let round2 = -2; round2 < samples; round2++) {
      const taken = [];
      for (const way of ways) {
        signal.throwIfAborted();
        taken.push(await decode$1(way));
      }
      if (new Set(taken.map(({ tokens }) => tokens)).size > 1)
        throw new Error("the ways gave different tokens");
      if (round2 >= 0) rounds.push(taken);
      onSample(`round ${round2 + 3} of ${samples + 2}`);
    }
    return {
      benchmark: "busy-wait",
      takenAt: (/* @__PURE__ */ new Date()).toISOString(),
      adapter: resting.name,
      machine: describeMachine(),
      model: String(runtime.model),
      decodedTokens: DECODED_TOKENS,
      results: ways.map((way, index) => resultOf$2(way, index, rounds))
    };
  } finally {
    resting.dispose();
    polling.dispose();
  }
}
async function open(runtime, rests, signal) {
  const platform = createNodePlatform();
  const { adapter, model, precision, maxStepTokens, kvMiB } = runtime;
  const opened = await platform.openAdapter(adapter === void 0 ? {} : { name: adapter });
  const gpu = await openDevice({ ...opened, wait: rests ? restingWait : (pending) => pending });
  const file = await openGguf(await platform.resolveModel(String(model), { signal }), { signal });
  try {
    return await openRunner({ gpu, file, precision, maxStepTokens, ...kvMiB !== void 0 && { kvMiB } });
  } finally {
    await file.close();
  }
}
async function decode$1({ runner, inFlight }) {
  const output = { kind: "token", sampling: { ...greedy, promptTokens: [], completionTokens: [] } };
  const blocks = Array.from({ length: Math.ceil(DECODED_TOKENS / runner.limits.blockTokens) }, (_, at) => at);
  const tokens = [];
  const flying = [];
  const land = async () => {
    const [row2] = (await flying.shift())?.rows ?? [];
    tokens.push(row2?.kind === "token" ? row2.token : -1);
  };
  const started = performance.now();
  const cpu = process.cpuUsage();
  for (let position = 0; position < DECODED_TOKENS; position++) {
    const token = flying.length > 0 ? FED_TOKEN : tokens.at(-1) ?? 1;
    const row2 = { sequence: "s", tokens: [token], position, blocks, output };
    flying.push(runner.run({ id: position, rows: [row2] }));
    if (flying.length === inFlight) await land();
  }
  while (flying.length > 0) await land();
  const { user, system } = process.cpuUsage(cpu);
  const stepMs = (performance.now() - started) / DECODED_TOKENS;
  return { stepMs, cpuMs: (user + system) / 1e3 / DECODED_TOKENS, tokens: tokens.join(" ") };
}
function resultOf$2({ waits, inFlight }, index, rounds) {
  const each = (value) => {
    const values = rounds.flatMap((round2) => {
      const [first, sample] = [round2[0], round2[index]];
      return first && sample ? [value(sample, first)] : [];
    });
    const summary = summarize(values);
    if (summary === void 0) throw new Error("there are no samples");
    return summary;
  };
  return {
    waits,
    inFlight,
    stepMs: each(({ stepMs }) => stepMs),
    cpuMsPerStep: each(({ cpuMs }) => cpuMs),
    speed: each((sample, first) => first.stepMs / sample.stepMs)
  };
}
function describe$2({ adapter, model, results }) {
  const spread2 = ({ min, median, max }, digits) => `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
  const rows = results.map(({ waits, inFlight, stepMs, cpuMsPerStep, speed }) => [
    `${waits}, ${inFlight} in flight`,
    spread2(stepMs, 1),
    spread2(cpuMsPerStep, 1),
    spread2(speed, 2)
  ]);
  return `${model} on ${adapter}

${formatTable([["", "ms a step", "CPU ms a step", "speed"], ...rows])}`;
}
const DECODE_STEPS = 16;
const BATCH_CONTEXT = 128;
const LONG_PROMPT = 512;
const prefill = (tokens) => ({
  id: `prefill-${tokens}`,
  group: "prefill",
  batch: 1,
  contextTokens: 0,
  tokens,
  everyRounds: tokens > LONG_PROMPT ? 2 : 1
});
const decode = (contextTokens) => ({
  id: `decode-context-${contextTokens}`,
  group: "decode",
  batch: 1,
  contextTokens,
  tokens: DECODE_STEPS,
  everyRounds: 1
});
const batch = (sequences) => ({
  id: `batch-${sequences}`,
  group: "batch",
  batch: sequences,
  contextTokens: BATCH_CONTEXT,
  tokens: DECODE_STEPS,
  everyRounds: 1
});
const engineCases = [
  ...[32, 128, 512, 2048].map(prefill),
  ...[0, BATCH_CONTEXT, 512, 2048].map(decode),
  ...[2, 4, 8, 16].map(batch)
];
const profiledByDefault = ["decode-context-128", "prefill-128", "batch-8"];
function chooseCases(names, option = "--only", cases = engineCases) {
  if (names === void 0) return cases;
  const wanted = names.split(",").map((name) => name.trim());
  const matches = (name) => cases.filter(({ id, group }) => name === id || name === group);
  const unknown = wanted.find((name) => matches(name).length === 0);
  if (unknown !== void 0) {
    const known = [...new Set(cases.map(({ group }) => group)), ...cases.map(({ id }) => id)];
    throw invalidOption(option, unknown, `some of ${known.join(", ")}, separated by commas`);
  }
  return cases.filter((one) => wanted.some((name) => matches(name).includes(one)));
}
function chooseProfiled(names, measured) {
  if (names === "none") return [];
  if (names !== void 0) return chooseCases(names, "--profile", measured);
  return measured.filter(({ id }) => profiledByDefault.includes(id));
}
const __vite_glob_0_0 = "// copy: copied[i] = source[i]\n// source, copied: [any number of] vec4u, both of one length. A lane an invocation: it takes the words beside its neighbours' and\n// strides over the rest.\noverride WORKGROUP: u32 = 64;\n\n@group(0) @binding(0) var<storage, read> source: array<vec4u>;\n@group(0) @binding(1) var<storage, read_write> copied: array<vec4u>;\n\n@compute @workgroup_size(WORKGROUP)\nfn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {\n  let length = arrayLength(&source);\n  let stride = groups.x * WORKGROUP;\n  for (var i = id.x; i < length; i += stride) {\n    copied[i] = source[i];\n  }\n}\n";
const __vite_glob_0_1 = "// multiply_add: multiply-adds in registers, as fast as an adapter does them, 64 a lane in each of `rounds`.\n// Float and half: two chains x = x * factor + term of four values each, eight links a round, so that eight multiply-adds do not wait\n// for each other. int8: four sums of dot products of four packed bytes, four links a round.\n// What comes in is read from memory and every lane writes its result, so that nothing can be known before or left out.\n// factors: [3] (factor and term as f32 bits, four bytes); out: [lanes] u32, bits of no meaning. A lane an invocation.\n@if(half) enable f16;\n\n@if(float) alias Value = vec4f;\n@if(half) alias Value = vec4h;\n\noverride WORKGROUP: u32 = 64;\n\nstruct Params {\n  rounds: u32,\n}\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> factors: array<u32>;\n@group(0) @binding(2) var<storage, read_write> out: array<u32>;\n\n@if(!int8) @compute @workgroup_size(WORKGROUP)\nfn main(@builtin(global_invocation_id) id: vec3u) {\n  let factor = Value(vec4f(bitcast<f32>(factors[0])));\n  let term = Value(vec4f(bitcast<f32>(factors[1])));\n  var a = Value(vec4f(f32(id.x & 63u)));\n  var b = a + term;\n  for (var i = 0u; i < params.rounds; i++) {\n    a = a * factor + term;\n    b = b * factor + term;\n    a = a * factor + term;\n    b = b * factor + term;\n    a = a * factor + term;\n    b = b * factor + term;\n    a = a * factor + term;\n    b = b * factor + term;\n    a = a * factor + term;\n    b = b * factor + term;\n    a = a * factor + term;\n    b = b * factor + term;\n    a = a * factor + term;\n    b = b * factor + term;\n    a = a * factor + term;\n    b = b * factor + term;\n  }\n  let sum = vec4f(a + b);\n  out[id.x] = bitcast<u32>(sum.x + sum.y + sum.z + sum.w);\n}\n\n@if(int8) @compute @workgroup_size(WORKGROUP)\nfn main(@builtin(global_invocation_id) id: vec3u) {\n  let bytes = factors[2];\n  var a = id.x & 63u;\n  var b = a + 1u;\n  var c = a + 2u;\n  var d = a + 3u;\n  for (var i = 0u; i < params.rounds; i++) {\n    a += u32(dot4I8Packed(bytes, a));\n    b += u32(dot4I8Packed(bytes, b));\n    c += u32(dot4I8Packed(bytes, c));\n    d += u32(dot4I8Packed(bytes, d));\n    a += u32(dot4I8Packed(bytes, a));\n    b += u32(dot4I8Packed(bytes, b));\n    c += u32(dot4I8Packed(bytes, c));\n    d += u32(dot4I8Packed(bytes, d));\n    a += u32(dot4I8Packed(bytes, a));\n    b += u32(dot4I8Packed(bytes, b));\n    c += u32(dot4I8Packed(bytes, c));\n    d += u32(dot4I8Packed(bytes, d));\n    a += u32(dot4I8Packed(bytes, a));\n    b += u32(dot4I8Packed(bytes, b));\n    c += u32(dot4I8Packed(bytes, c));\n    d += u32(dot4I8Packed(bytes, d));\n  }\n  out[id.x] = a + b + c + d;\n}\n";
const files = /* @__PURE__ */ Object.assign({ "./shaders/copy.wesl": __vite_glob_0_0, "./shaders/multiply_add.wesl": __vite_glob_0_1 });
const probeSources = Object.fromEntries(
  Object.entries(files).map(([path, text2]) => [path.replace("./shaders/", ""), text2])
);
const probeNames = ["copy", "float", "half", "int8"];
const WORKGROUP = 64;
const COPY_BYTES = 128 * 2 ** 20;
const COPY_GROUPS = 4096;
const MATH_GROUPS = 4096;
const MACS_PER_ROUND = 64;
const ROUNDS = 32;
const SAMPLE_MS = 80;
const MAX_DISPATCHES = 2 ** 16;
class Probes {
  #gpu;
  #buffers;
  #probes;
  /** Dispatches of a sample, by probe. */
  #repeats = /* @__PURE__ */ new Map();
  constructor(gpu, buffers, probes) {
    this.#gpu = gpu;
    this.#buffers = buffers;
    this.#probes = probes;
  }
  /** @throws DeviceError */
  static async open(gpu) {
    const { maxBindingBytes } = gpu.capabilities;
    const bytes = Math.min(COPY_BYTES, maxBindingBytes);
    const source = gpu.createStorage("probe/source", bytes);
    const copied = gpu.createStorage("probe/copied", bytes);
    const out = gpu.createStorage("probe/out", MATH_GROUPS * WORKGROUP * 4);
    const factors = gpu.createStorage("probe/factors", 16);
    gpu.write(factors, 0, new Float32Array([0.5, 1]));
    gpu.write(factors, 8, new Uint8Array([1, 2, 3, 4]));
    const copy = await Kernel.create(gpu, probeSources, { shader: "copy", overrides: { WORKGROUP } });
    const probes = /* @__PURE__ */ new Map();
    const bindGroup = copy.bind({ source, copied });
    probes.set("copy", { pipeline: copy.pipeline, bindGroup, groups: COPY_GROUPS, work: 2 * bytes });
    const buffers = [source, copied, out, factors];
    for (const kind of mathOf(gpu)) {
      const kernel = await Kernel.create(gpu, probeSources, {
        shader: "multiply_add",
        conditions: { [kind]: true },
        overrides: { WORKGROUP }
      });
      const params = kernel.uniform("params", { rounds: ROUNDS });
      buffers.push(params);
      const work = MATH_GROUPS * WORKGROUP * ROUNDS * MACS_PER_ROUND;
      const bound = kernel.bind({ params, factors, out });
      probes.set(kind, { pipeline: kernel.pipeline, bindGroup: bound, groups: MATH_GROUPS, work });
    }
    return new Probes(gpu, buffers, probes);
  }
  /** Those that the device can run. */
  get names() {
    return [...this.#probes.keys()];
  }
  /**
   * One sample: bytes or multiply-adds a second.
   * @throws DeviceError
   */
  async sample(name) {
    const probe = this.#probes.get(name);
    if (!probe) throw new RangeError(`the device has no probe "${name}"`);
    const repeat = this.#repeats.get(name) ?? await this.#calibrate(name, probe);
    return probe.work * repeat * 1e3 / await this.#time(name, probe, repeat);
  }
  /** How many dispatches make a sample; the first one alone compiles and touches memory for the first time. */
  async #calibrate(name, probe) {
    await this.#time(name, probe, 1);
    let repeat = 1;
    for (; ; ) {
      const ms = Math.min(await this.#time(name, probe, repeat), await this.#time(name, probe, repeat));
      if (ms >= SAMPLE_MS || repeat === MAX_DISPATCHES) break;
      repeat = Math.min(MAX_DISPATCHES, Math.ceil(repeat * Math.min(8, 1.5 * SAMPLE_MS / ms)));
    }
    this.#repeats.set(name, repeat);
    return repeat;
  }
  /** Frees what the probes hold on the device. */
  close() {
    for (const buffer of this.#buffers) this.#gpu.destroyBuffer(buffer);
  }
  async #time(name, { pipeline, bindGroup, groups }, repeat) {
    const encoder = this.#gpu.device.createCommandEncoder({ label: `probe/${name}` });
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < repeat; i++) pass.dispatchWorkgroups(groups);
    pass.end();
    const commands = encoder.finish();
    const started = performance.now();
    this.#gpu.device.queue.submit([commands]);
    await this.#gpu.idle();
    return performance.now() - started;
  }
}
function mathOf(gpu) {
  return gpu.device.features.has("shader-f16") ? ["float", "half", "int8"] : ["float", "int8"];
}
async function readReport(path) {
  const text2 = await readFile(path, "utf8").catch((cause) => {
    const missing = cause.code === "ENOENT";
    throw new ModelError(
      missing ? "file-not-found" : "file-unreadable",
      missing ? `There is no file ${path}. Give the path of a report that \`bench engine --json\` printed.` : `${path} could not be read (${cause.code}). Check the file's rights.`,
      { file: path },
      { cause }
    );
  });
  const report = parse(text2);
  if (isReport(report)) return report;
  throw new InputError(
    "invalid-option",
    `${path} is not a report of \`bench engine --json\`. Give the path of one.`,
    { file: path }
  );
}
async function readWholeReport(path) {
  const report = await readReport(path);
  const { probes, ratios, gpuBytes } = report;
  if (probes && ratios && gpuBytes?.peak !== void 0) return report;
  throw new InputError(
    "invalid-option",
    `${path} is a report of an older version, which can only be compared with. Give it to --compare.`,
    { file: path }
  );
}
function compareReports(report, old) {
  const ratios = {};
  for (const { id, tokensPerSecond } of report.results) {
    const before = old.results.find((result) => result.id === id);
    if (before) ratios[id] = ratioOf(tokensPerSecond, before.tokensPerSecond);
  }
  const { probes: oldProbes = {} } = old;
  const probes = {};
  for (const name of probeNames) {
    const [now, before] = [report.probes[name], oldProbes[name]];
    if (now && before) probes[name] = ratioOf(now, before);
  }
  const compared = [
    ["adapter", ({ adapter }) => adapter.name],
    ["driver", ({ adapter }) => adapter.driver],
    ["model", ({ model }) => model.name],
    ["weights", ({ model }) => model.weights],
    ["precision", ({ precision }) => precision],
    ["browser", ({ browser }) => browser],
    // Older reports do not know of tuning.
    ["tuned kernels", ({ tunedProducts = 0 }) => tunedProducts],
    ["processor", ({ machine }) => machine.cpu],
    ["Node", ({ machine }) => machine.node],
    ["Dawn", ({ machine }) => machine.dawn]
  ];
  const differs = compared.filter(([, of]) => of(report) !== of(old)).map(([name]) => name);
  return { takenAt: old.takenAt, commit: old.machine.commit, differs, ratios, probes };
}
function ratioOf(now, before) {
  return Number((now.median / before.median).toPrecision(4));
}
function parse(text2) {
  try {
    return JSON.parse(text2);
  } catch {
    return void 0;
  }
}
function isReport(value) {
  if (typeof value !== "object" || value === null) return false;
  const { benchmark, takenAt, adapter, machine, model, results } = value;
  return benchmark === "engine" && typeof takenAt === "string" && [adapter, machine, model].every((part) => typeof part === "object" && part !== null) && Array.isArray(results) && results.every((result) => typeof result?.id === "string" && result.tokensPerSecond?.median > 0);
}
function describeReport(report) {
  const { comparison } = report;
  const parts = [
    headTable(report),
    caseTable(report),
    ...report.ratios.length > 0 ? [ratioTable(report)] : [],
    ...report.firstToken ? [firstTokenTable(report.firstToken)] : [],
    ...(report.profiles ?? []).map(profileTable),
    ...report.profiles ? [] : ["No profile: the device has no timestamps.\n"],
    ...comparison ? [comparisonNote(comparison)] : []
  ];
  return parts.join("\n");
}
function headTable(report) {
  const { adapter, machine, model, gpuBytes, hostPeaks, probes } = report;
  const [before, after] = report.loadAverage.map((load) => load.toFixed(1));
  const random = model.weights === "random" ? ", random weights" : "";
  const peaks = hostPeaks ? `at most ${formatBytes(hostPeaks.residentBytes)} resident${adapter.software ? " (the GPU's included)" : ""}, ${formatBytes(hostPeaks.heapAndBufferBytes)} heap and buffers` : "a page is not told";
  return formatTable([
    [
      "adapter",
      `${adapter.name}${adapter.software ? " (software, slow)" : ""}, driver ${adapter.driver || "unknown"}`
    ],
    ["versions", versions(report)],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    [
      "model",
      `${model.name}${random}: ${model.architecture}, ${model.layers} layers, ${(model.parameters / 1e6).toFixed(1)} M parameters`
    ],
    ["precision", report.precision],
    [
      "kernels",
      report.tunedProducts > 0 ? `tuned for ${report.tunedProducts} products` : "the adapter class's"
    ],
    ["load time", formatMs(report.loadMs)],
    [
      "GPU memory",
      `at most ${formatBytes(gpuBytes.peak)}: weights ${formatBytes(gpuBytes.weights)}, KV pool ${formatBytes(gpuBytes.kv)}`
    ],
    ["host memory", peaks],
    ["decode step", `${report.dispatchesPerDecodeStep} dispatches`],
    ["probe: copy", probeText(probes.copy, "GB/s read and written")],
    ["probe: float", probeText(probes.float, "G multiply-adds/s")],
    ["probe: half", probeText(probes.half, "G multiply-adds/s")],
    ["probe: int8", probeText(probes.int8, "G multiply-adds/s")],
    ["samples", `${report.samples} rounds; seed ${report.seed}`]
  ]);
}
function versions({ machine, browser }) {
  const baton2 = `Baton ${machine.baton} (${machine.commit ?? "no commit"})`;
  return browser === void 0 ? `${baton2}, Node ${machine.node}, Dawn ${machine.dawn}` : `${baton2}, ${browser}`;
}
function probeText(probe, unit) {
  if (!probe) return "the device has none";
  const [median, min, max] = [probe.median, probe.min, probe.max].map((value) => (value / 1e9).toFixed(1));
  return `${median} (${min}–${max}) ${unit}`;
}
function caseTable({ results, comparison }) {
  const header = [
    "",
    "tokens/s",
    "min",
    "max",
    "n",
    "TBT ms",
    "min",
    "max",
    "of copy",
    "of float",
    "dispatches"
  ];
  const rows = results.map(({ id, tokensPerSecond, tbtMs, shareOf, dispatchesPerStep }) => [
    id,
    ...threeOf(tokensPerSecond),
    `${tokensPerSecond.samples}`,
    ...tbtMs ? threeOf(tbtMs) : ["", "", ""],
    percent(shareOf.copy),
    percent(shareOf.float),
    `${dispatchesPerStep}`,
    ...comparison ? [ratioText(comparison.ratios[id])] : []
  ]);
  const columns = header.map((_, column) => column + 1);
  return formatTable([[...header, ...comparison ? ["new / old"] : []], ...rows], columns);
}
function ratioTable({ ratios }) {
  const rows = ratios.map(({ meaning, ratio }) => [
    meaning,
    ...[ratio.median, ratio.min, ratio.max].map((value) => value.toFixed(2)),
    `${ratio.samples}`
  ]);
  return formatTable([["ratios of the same rounds", "median", "min", "max", "n"], ...rows], [1, 2, 3, 4]);
}
function firstTokenTable({ cold, warm, promptTokens, memory }) {
  const header = [`first token of ${promptTokens}-token prompt`, "ms", "min", "max", "n"];
  const rows = Object.entries({ cold, warm }).flatMap(([name, { firstTokenMs, parts }]) => [
    [`${name} start`, ...wholeOf(firstTokenMs), `${firstTokenMs.samples}`],
    ...Object.entries(parts).map(([part, ms]) => [`  ${part}`, ...wholeOf(ms)])
  ]);
  const megabytes = Object.entries(memoryNames).map(([name, key]) => {
    const { median, min, max, samples } = memory[key];
    return [
      `memory, MB: ${name}`,
      ...[median, min, max].map((bytes) => (bytes / 1e6).toFixed(1)),
      `${samples}`
    ];
  });
  return formatTable([header, ...rows, ...megabytes], [1, 2, 3, 4]);
}
const memoryNames = {
  resident: "residentBytes",
  "heap and buffers": "heapAndBufferBytes",
  "GPU buffers": "gpuBytes"
};
function profileTable(profile) {
  const { id, tokens, dispatches, onePassMs, sumMs, sumOverOnePass, wallMs: wallMs2 } = profile;
  const check = `sum over one pass ${sumOverOnePass.median.toFixed(3)} (${sumOverOnePass.min.toFixed(3)}–${sumOverOnePass.max.toFixed(3)})`;
  const head = `profile of ${id}: a step of ${tokens} tokens, ${dispatches} dispatches, ${sumMs.median.toFixed(2)} ms; in one pass ${onePassMs.median.toFixed(2)} ms; with the host ${wallMs2.median.toFixed(2)} ms; ${check}; ${sumMs.samples} steps
`;
  const header = ["stage", "ms", "min", "max", "share", "GB/s", "of copy", "GMAC/s", "of float", "n"];
  const rows = profile.stages.map((time) => [
    time.stage,
    ...[time.ms.median, time.ms.min, time.ms.max].map((value) => value.toFixed(3)),
    percent(time.share),
    (time.bytesPerSecond / 1e9).toFixed(2),
    percent(time.shareOf.copy),
    (time.macsPerSecond / 1e9).toFixed(2),
    percent(time.shareOf.float),
    `${time.dispatches}`,
    time.kernels.join(" + ")
  ]);
  return head + formatTable([[...header, "kernel"], ...rows], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
}
function threeOf({ median, min, max }) {
  return [median, min, max].map((value) => value.toFixed(value < 10 ? 2 : value < 1e3 ? 1 : 0));
}
function wholeOf({ median, min, max }) {
  return [median, min, max].map((value) => value.toFixed(0));
}
function percent(share2) {
  return `${(100 * share2).toFixed(1)}%`;
}
function ratioText(ratio) {
  return ratio === void 0 ? "new" : `${ratio.toFixed(2)}x`;
}
function comparisonNote({ takenAt, commit: commit2, differs, probes }) {
  const old = `The old report is of ${takenAt}, commit ${commit2 ?? "unknown"}.`;
  const other = differs.length === 0 ? "" : ` It differs in ${differs.join(", ")}.`;
  const probed = Object.entries(probes).map(([name, ratio]) => `${name} ${ratioText(ratio)}`);
  const adapter = probed.length === 0 ? "" : ` The adapter itself, new over old: ${probed.join(", ")}.`;
  return `${old}${other}${adapter}
`;
}
const STILL_WARMING$1 = 0.95;
const MAX_WARM_UPS$1 = 12;
const LONG_SAMPLE_MS = 8e3;
function countSamples(cases, samples) {
  return cases.reduce((sum, { everyRounds }) => sum + 1 + Math.ceil(samples / everyRounds), 0);
}
async function runRounds(bench, cases, { samples, device, signal, onSample, everyRound }) {
  const expected = /* @__PURE__ */ new Map();
  const take = async (one) => {
    signal.throwIfAborted();
    const sample = await bench.sample(one);
    const tokens = sample.tokens.join(" ");
    if ((expected.get(one) ?? tokens) !== tokens) {
      throw wrongResult(device, `other tokens for the same prompt (${one.id})`);
    }
    expected.set(one, tokens);
    return sample;
  };
  let done = 0;
  onSample(done);
  for (const one of cases) {
    await bench.prepare(one);
    await warmUp$1(() => take(one));
    onSample(++done);
  }
  const taken = new Map(cases.map((one) => [one, []]));
  for (let round2 = 0; round2 < samples; round2++) {
    await everyRound?.();
    for (const [one, list2] of taken) {
      if (round2 % one.everyRounds !== 0) continue;
      list2.push({ ...await take(one), round: round2 });
      onSample(++done);
    }
  }
  return taken;
}
async function warmUp$1(take) {
  let best = Number.POSITIVE_INFINITY;
  for (let count = 0; count < MAX_WARM_UPS$1; count++) {
    const ms = sampleMs(await take());
    if (ms > best * STILL_WARMING$1 || ms > LONG_SAMPLE_MS) return;
    best = ms;
  }
}
function sampleMs({ stepMs }) {
  return stepMs.reduce((sum, ms) => sum + ms, 0);
}
function modelWork(config, tensors) {
  const { layers, hidden, heads, kvHeads, headDim, vocab } = config;
  const inLayers = tensors.filter(({ name }) => name.startsWith("blk."));
  const head = tensors.find(({ name }) => name === tensorNames.output) ?? tensors.find(({ name }) => name === tensorNames.embedding);
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  return {
    layerBytes: sum(inLayers.map(({ bytes }) => bytes)),
    headBytes: head?.bytes ?? 0,
    layerMacs: sum(inLayers.map(({ rows, cols }) => rows > 1 ? rows * cols : 0)),
    headMacs: vocab * hidden,
    kvBytes: layers * 2 * kvHeads * headDim * 2,
    kvMacs: layers * 2 * heads * headDim
  };
}
function workOf({ group, batch: batch2, contextTokens, tokens }, model, maxStepTokens) {
  const { layerBytes, headBytes, layerMacs, headMacs, kvBytes, kvMacs } = model;
  const steps = group === "prefill" ? Math.ceil(tokens / maxStepTokens) : tokens;
  const logitSteps = group === "prefill" ? 1 : steps;
  const chunk = group === "prefill" ? maxStepTokens : 1;
  let kvRead = 0;
  for (let done = 0; done < tokens; done += chunk) kvRead += contextTokens + Math.min(tokens, done + chunk);
  const met = tokens * contextTokens + tokens * (tokens + 1) / 2;
  return {
    bytes: steps * layerBytes + logitSteps * headBytes + batch2 * kvRead * kvBytes,
    macs: batch2 * (tokens * layerMacs + logitSteps * headMacs + met * kvMacs)
  };
}
function resultsOf(taken, model, maxStepTokens, probes) {
  return [...taken].map(([one, samples]) => {
    const tokens = one.batch * one.tokens;
    const work = workOf(one, model, maxStepTokens);
    const tokensPerSecond = spread$1(samples.map((sample) => tokens * 1e3 / sampleMs(sample)));
    const perSecond = tokensPerSecond.median / tokens;
    return {
      ...one,
      tokensPerSecond,
      ...one.group !== "prefill" && { tbtMs: spread$1(samples.flatMap(({ stepMs }) => stepMs)) },
      dispatchesPerStep: samples[0] ? samples[0].dispatches / samples[0].stepMs.length : 0,
      shareOf: {
        copy: share(work.bytes * perSecond, probes.copy),
        float: share(work.macs * perSecond, probes.float)
      }
    };
  });
}
function share(rate, probe) {
  return probe === void 0 ? 0 : Number((rate / probe.median).toPrecision(4));
}
function caseProfile(id, tokens, profiles, probes) {
  const sums = profiles.map(({ dispatches }) => dispatches.reduce((sum, { ms }) => sum + ms, 0));
  return {
    id,
    tokens,
    dispatches: profiles[0]?.dispatches.length ?? 0,
    onePassMs: spread$1(profiles.map(({ onePassMs }) => onePassMs)),
    sumMs: spread$1(sums),
    sumOverOnePass: spread$1(profiles.map(({ onePassMs }, index) => (sums[index] ?? 0) / onePassMs)),
    wallMs: spread$1(profiles.map(wallMs)),
    stages: stageTimes(profiles, probes)
  };
}
function wallMs({ host }) {
  return host.uploadMs + host.encodeMs + host.submitMs + host.waitMs;
}
function stageTimes(profiles, probes) {
  const bySample = profiles.map(sumByLabel);
  const times = [...bySample[0] ?? []].map(([stage, { kernels, dispatches, bytes, macs }]) => {
    const ms = spread$1(bySample.map((sums) => sums.get(stage)?.ms ?? 0));
    const perSecond = (amount) => Math.round(amount * 1e3 / ms.median);
    const [bytesPerSecond, macsPerSecond] = [perSecond(bytes), perSecond(macs)];
    const shareOf = { copy: share(bytesPerSecond, probes.copy), float: share(macsPerSecond, probes.float) };
    return { stage, kernels: [...kernels], dispatches, ms, bytesPerSecond, macsPerSecond, shareOf };
  });
  const all = times.reduce((sum, { ms }) => sum + ms.median, 0);
  return times.map((time) => ({ ...time, share: Number((time.ms.median / all).toPrecision(4)) })).sort((a, b) => b.ms.median - a.ms.median);
}
function sumByLabel({ stages, dispatches }) {
  const sums = /* @__PURE__ */ new Map();
  const seen = /* @__PURE__ */ new Set();
  for (const { stage, kernel, ms } of dispatches) {
    const { label, bytes, macs } = stages[stage] ?? { label: kernel, bytes: 0, macs: 0 };
    const sum = sums.get(label) ?? { kernels: /* @__PURE__ */ new Set(), ms: 0, dispatches: 0, bytes: 0, macs: 0 };
    sums.set(label, sum);
    sum.kernels.add(kernel);
    sum.ms += ms;
    sum.dispatches += 1;
    if (seen.has(stage)) continue;
    seen.add(stage);
    sum.bytes += bytes;
    sum.macs += macs;
  }
  return sums;
}
const pairs = [
  {
    one: "decode-context-2048",
    other: "decode-context-128",
    meaning: "decode at a context of 2048 and of 128"
  },
  { one: "prefill-2048", other: "prefill-128", meaning: "prefill of 2048 tokens and of 128, per token" },
  { one: "batch-8", other: "prefill-128", meaning: "decode of 8 sequences and prefill, per token" },
  { one: "batch-16", other: "prefill-128", meaning: "decode of 16 sequences and prefill, per token" },
  { one: "batch-8", other: "decode-context-128", meaning: "decode of 8 sequences and of one" },
  { one: "batch-16", other: "decode-context-128", meaning: "decode of 16 sequences and of one" }
];
function ratiosOf$1(taken) {
  const rates = new Map(
    [...taken].map(([{ id, batch: batch2, tokens }, samples]) => [id, ratesOf$1(samples, batch2 * tokens)])
  );
  return pairs.flatMap((pair) => {
    const [one, other] = [rates.get(pair.one), rates.get(pair.other)];
    const values = [...one ?? []].flatMap(([round2, rate]) => {
      const against = other?.get(round2);
      return against === void 0 ? [] : [rate / against];
    });
    return values.length === 0 ? [] : [{ ...pair, ratio: spread$1(values) }];
  });
}
function ratesOf$1(samples, tokens) {
  return new Map(samples.map((sample) => [sample.round, tokens * 1e3 / sampleMs(sample)]));
}
const PROBE_SAMPLES = 3;
const PROFILED_STEPS = 20;
const PROFILED_PROMPTS = 4;
async function runEngine(request, trace) {
  const { gpu, cases, seed } = request;
  const started = performance.now();
  const file = await request.open();
  const runner = await openBenchRunner(request, file);
  const loadMs = performance.now() - started;
  const bench = new EngineBench(runner, cases, seed);
  const dispatchesPerDecodeStep = await bench.check();
  const { weightBytes, kvBytes } = runner;
  const gpuBytes = { all: gpu.liveBytes, peak: gpu.peakBytes, weights: weightBytes, kv: kvBytes };
  request.onReady?.();
  const { taken, probes } = await takeRounds(request, runner, bench);
  traceSamples(taken, trace);
  const profiles = gpu.capabilities.timestamps ? await profileCases(request, runner, bench, trace, probes) : void 0;
  return {
    adapter: gpu.summary,
    model: modelOf(file, runner),
    loadMs,
    gpuBytes,
    tunedProducts: runner.tunedProducts,
    dispatchesPerDecodeStep,
    results: resultsOf(taken, modelWork(runner.config, file.tensors), request.maxStepTokens, probes),
    ratios: ratiosOf$1(taken),
    probes,
    ...profiles && { profiles }
  };
}
async function openBenchRunner(request, file) {
  const { gpu, precision, maxStepTokens, onProgress, tuned } = request;
  const kvMiB = request.kvMiB ?? kvMiBOf(request, file);
  try {
    const given = { ...kvMiB !== void 0 && { kvMiB }, ...tuned && { tuned }, onProgress };
    return await openRunner({ gpu, file, precision, maxStepTokens, ...given });
  } finally {
    await file.close();
  }
}
function kvMiBOf({ gpu, cases }, file) {
  const config = readModelConfig(file.metadata, vocabOf(new TensorTable(file)));
  const pool = planKvPool(config, gpu.capabilities, void 0);
  const needed = blocksOf(cases, BLOCK_TOKENS);
  return needed <= pool.blocks ? void 0 : needed * pool.bytes / pool.blocks / 2 ** 20;
}
async function takeRounds({ gpu, cases, samples, signal, onProgress }, runner, bench) {
  const total = countSamples(cases, samples);
  const onSample = (done) => onProgress({ phase: "measure", done, total, unit: "samples", label: "" });
  const probes = await Probes.open(gpu);
  try {
    const values = new Map(probes.names.map((name) => [name, []]));
    const everyRound = async () => {
      for (const [name, list2] of values) list2.push(await bestOf$1(PROBE_SAMPLES, () => probes.sample(name)));
    };
    for (const name of probes.names) await probes.sample(name);
    const taken = await runRounds(bench, cases, {
      samples,
      device: runner.name,
      signal,
      onSample,
      everyRound
    });
    const spreads = Object.fromEntries([...values].map(([name, list2]) => [name, spread$1(list2)]));
    return { taken, probes: spreads };
  } finally {
    probes.close();
  }
}
async function bestOf$1(samples, take) {
  let best = 0;
  for (let count = 0; count < samples; count++) best = Math.max(best, await take());
  return best;
}
async function profileCases({ profile, signal }, runner, bench, trace, probes) {
  const profiles = [];
  for (const one of profile) {
    const plan = bench.planOf(one);
    const tokens = plan.rows.reduce((sum, row2) => sum + row2.tokens.length, 0);
    const steps = [];
    for (let count = one.group === "prefill" ? PROFILED_PROMPTS : PROFILED_STEPS; count >= 0; count--) {
      signal.throwIfAborted();
      steps.push(await runner.profile(plan));
    }
    const kept = steps.slice(1);
    for (const step of kept) trace.profile(one.id, step);
    profiles.push(caseProfile(one.id, tokens, kept, probes));
  }
  return profiles;
}
function traceSamples(taken, trace) {
  for (const [{ id }, samples] of taken) {
    for (const { round: round2, stepMs, startedMs } of samples) {
      for (const [step, ms] of stepMs.entries()) trace.step(id, startedMs[step] ?? 0, ms, { round: round2, step });
    }
  }
}
function modelOf(file, { config }) {
  return {
    architecture: config.architecture.name,
    layers: config.layers,
    hidden: config.hidden,
    vocabTokens: config.vocab,
    parameters: file.parameters
  };
}
const KEPT_IN_CACHE = ["models", "urls", "swiftshader"];
const LIMIT_MS = 3e5;
async function measureFirstToken(job, starts, signal, onStart) {
  const cold = [];
  const warm = [];
  for (let count = 0; count < starts; count++) {
    const folder = mkdtempSync(join(tmpdir(), "baton-start-"));
    try {
      const env = emptyCaches(folder);
      for (const list2 of [cold, warm]) {
        list2.push(await start(job, env, signal));
        onStart(cold.length + warm.length);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const memory = [...cold, ...warm].map(({ memory: memory2 }) => memory2);
  const of = (what) => spread$1(memory.map((one) => one[what]));
  return {
    cold: timesOf(cold),
    warm: timesOf(warm),
    promptTokens: cold[0]?.promptTokens ?? 0,
    memory: {
      residentBytes: of("residentBytes"),
      heapAndBufferBytes: of("heapAndBufferBytes"),
      gpuBytes: of("gpuBytes")
    }
  };
}
function emptyCaches(folder) {
  const baton2 = join(folder, "baton");
  mkdirSync(baton2);
  for (const name of KEPT_IN_CACHE) {
    const path = join(cacheFolder(), name);
    if (existsSync(path)) symlinkSync(path, join(baton2, name));
  }
  return {
    ...process.env,
    BATON_CACHE: baton2,
    // Mesa's, and NVIDIA's.
    MESA_SHADER_CACHE_DIR: join(folder, "mesa"),
    __GL_SHADER_DISK_CACHE_PATH: folder
  };
}
async function start(job, env, signal) {
  signal.throwIfAborted();
  const startedMs = performance.timeOrigin + performance.now();
  const child = spawn(process.execPath, [childPath(), JSON.stringify({ ...job, startedMs })], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    signal
  });
  const ended = once(child, "close");
  try {
    const [out, errors, [status]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    if (status !== 0) throw noFirstToken(errors);
    return JSON.parse(out);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
function timesOf(starts) {
  const names = starts[0]?.marks.map(([name]) => name) ?? [];
  const parts = names.map((name, index) => {
    const values = starts.map(({ marks }) => (marks[index]?.[1] ?? 0) - (marks[index - 1]?.[1] ?? 0));
    return [name, spread$1(values)];
  });
  const totals = starts.map(({ marks }) => marks.at(-1)?.[1] ?? 0);
  return { firstTokenMs: spread$1(totals), parts: Object.fromEntries(parts) };
}
function childPath() {
  return join(dirname(fileURLToPath(import.meta.url)), "first_token.js");
}
function noFirstToken(errors) {
  const last = errors.trim().split("\n").at(-1) ?? "";
  return new DeviceError(
    "gpu-error",
    `A process that was started for its first token ended without one: ${last}. Leave that out with --starts 0.`,
    { stderr: errors.slice(-2e3) }
  );
}
const PID = 1;
const tracks = { steps: 1, host: 2, gpu: 3 };
const trackNames = {
  steps: "steps of the samples",
  host: "profiled steps: host",
  gpu: "profiled steps: GPU, begun when the host had submitted"
};
class TraceLog {
  #slices = [];
  step(name, startedMs, ms, args) {
    this.#add("steps", name, startedMs, ms, args);
  }
  /**
   * A profiled step: the host's parts, and on the GPU the one pass and then each dispatch. Host and GPU have clocks of their own, so
   * the one pass is drawn from the submit on, and the dispatches from its end.
   */
  profile(id, profile) {
    const { startedMs, uploadMs, encodeMs, submitMs, waitMs } = profile.host;
    this.#add("host", id, startedMs, wallMs(profile), {});
    let at = startedMs;
    for (const [part, ms] of Object.entries({
      upload: uploadMs,
      encode: encodeMs,
      submit: submitMs,
      wait: waitMs
    })) {
      this.#add("host", part, at, ms, { step: id });
      at += ms;
    }
    const submittedMs = startedMs + uploadMs + encodeMs + submitMs;
    this.#add("gpu", `${id} in one pass`, submittedMs, profile.onePassMs, {});
    const firstMs = submittedMs + profile.onePassMs;
    for (const { stage, kernel, startMs, ms } of profile.dispatches) {
      const { label = kernel, bytes = 0, macs = 0 } = profile.stages[stage] ?? {};
      this.#add("gpu", label, firstMs + startMs, ms, { step: id, kernel, bytes, macs });
    }
  }
  get slices() {
    return this.#slices;
  }
  /** Those of another log. */
  take(slices) {
    this.#slices.push(...slices);
  }
  toChrome(process2) {
    const names = Object.entries(tracks).map(
      ([track, tid]) => ({
        ph: "M",
        name: "thread_name",
        pid: PID,
        tid,
        args: { name: trackNames[track] }
      })
    );
    const processName = {
      ph: "M",
      name: "process_name",
      pid: PID,
      tid: 0,
      args: { name: process2 }
    };
    return { displayTimeUnit: "ms", traceEvents: [processName, ...names, ...this.#slices] };
  }
  #add(track, name, startedMs, ms, args) {
    const [ts, dur] = [startedMs * 1e3, Math.max(0, ms * 1e3)];
    this.#slices.push({ ph: "X", name, cat: track, pid: PID, tid: tracks[track], ts, dur, args });
  }
}
async function runEngineJob(job, watcher) {
  const before = loadAverage();
  const trace = new TraceLog();
  const measured = await (job.place === "page" ? measureInPage : measureInNode)(job, watcher, trace);
  const firstToken = job.starts > 0 ? await measureStarts(job, watcher) : void 0;
  const { samples, seed, runtime, model, shape } = job;
  const report = {
    benchmark: "engine",
    takenAt: (/* @__PURE__ */ new Date()).toISOString(),
    machine: describeMachine(),
    loadAverage: [before, loadAverage()],
    precision: runtime.precision,
    seed,
    samples,
    maxStepTokens: runtime.maxStepTokens,
    ...measured,
    model: { name: modelName(model, shape), weights: shape ? "random" : "file", ...measured.model },
    ...firstToken && { firstToken }
  };
  return { report, trace };
}
async function measureInNode(job, watcher, trace) {
  const { runtime, model, shape, samples, seed, cases, profile } = job;
  const { onProgress, signal } = watcher;
  const { adapter, precision, maxStepTokens, kvMiB } = runtime;
  const memory = new HostMemory();
  const platform = createNodePlatform();
  const wanted = { exactTimestamps: true, ...adapter !== void 0 && { name: adapter } };
  const gpu = await openDevice(await platform.openAdapter(wanted));
  try {
    if (gpu.summary.software) watcher.onSoftware(gpu.summary.name);
    const open2 = shape ? () => openRandomModel(model, shape, seed, signal) : await modelFile(platform, model, watcher);
    let hostPeaks;
    const onReady = () => {
      hostPeaks = memory.peaks();
    };
    const measured = { samples, seed, cases, profile, signal, onProgress, onReady };
    const tuned = job.tuned ? (tunable) => recallKernels(tunable, platform) : void 0;
    const run = await runEngine(
      { gpu, open: open2, precision, maxStepTokens, kvMiB, ...measured, ...tuned && { tuned } },
      trace
    );
    return { ...run, hostPeaks: hostPeaks ?? memory.peaks() };
  } finally {
    memory.stop();
    gpu.destroy();
  }
}
async function modelFile(platform, model, { onProgress, signal }) {
  const source = await platform.resolveModel(model, { onProgress, signal });
  return () => openGguf(source, { signal });
}
async function measureInPage(job, watcher, trace) {
  const { runtime, model, shape, samples, seed, cases, profile } = job;
  const { onProgress, signal } = watcher;
  const platform = createNodePlatform();
  const source = shape ? void 0 : await platform.resolveModel(model, { onProgress, signal });
  const [best] = await platform.listAdapters();
  const software = best?.software ?? true;
  const { precision, maxStepTokens, kvMiB } = runtime;
  const asked = { precision, maxStepTokens, samples, seed, cases, profile };
  const pageJob = { name: model, ...asked, ...shape && { shape }, ...kvMiB !== void 0 && { kvMiB } };
  const { runInPage } = await import("./chunks/in_page-BKaOkU1H.js");
  const request = { root: inClone(), job: pageJob, model: source, software, signal, onProgress };
  const { run, browser, slices } = await runInPage(request);
  if (run.adapter.software) watcher.onSoftware(run.adapter.name);
  trace.take(slices);
  return { ...run, browser };
}
function measureStarts({ model, shape, seed, runtime, starts }, watcher) {
  const { adapter, precision } = runtime;
  const total = 2 * starts;
  const onStart = (done) => watcher.onProgress({ phase: "measure", done, total, unit: "samples", label: "starts" });
  const started = { model, random: shape !== void 0, seed, adapter, precision };
  return measureFirstToken(started, starts, watcher.signal, onStart);
}
function modelName(model, shape) {
  return shape ? model : basename(model).replace(/\.gguf(\?.*)?$/i, "");
}
const DEFAULT_SHAPE = "smollm2-135m";
const DEFAULT_STARTS = 2;
const HELP$1 = `
Measured: prefill of 32, 128, 512 and 2048 tokens; decode of one sequence after 0, 128, 512 and 2048 tokens; decode of
2, 4, 8 and 16 sequences after 128 tokens each; what the adapter itself can do; how long a process takes to its first
token; where the time of some steps goes. All is warmed up and checked first, then measured round by round.

Shapes: ${Object.keys(shapes).join(", ")}.
Measurements for --only and --profile: prefill, decode, batch, ${engineCases.map(({ id }) => id).join(", ")}.

Examples:
  $ npm run -s bench -- engine
  $ npm run -s bench -- engine --weights random --shape qwen3-0.6b --only decode
  $ npm run -s bench -- engine --only decode-context-128 --profile decode --samples 1
  $ npm run -s bench -- engine --json > new.json
  $ npm run -s bench -- engine --compare old.json
`;
function addEngine(program, io) {
  const command = program.command("engine").description("Measure prefill and decode of one device, step by step.").option("--weights <kind>", "file: the model's own; random: of a named shape, without any file", "file").option("--shape <name>", `shape of the random weights (default: "${DEFAULT_SHAPE}")`).option(
    "--samples <number>",
    "rounds: samples of each measurement, half as many of long prompts",
    parseNumber("--samples"),
    5
  ).option("--seed <number>", "of prompts and random weights", parseNumber("--seed"), 0).option("--only <names>", "some of the measurements, separated by commas").option(
    "--profile <names>",
    "of these a step is profiled, kernel by kernel; none for none (default: three)"
  ).option(
    "--starts <number>",
    "cold and warm starts of a process, to its first token (default: 2; 0 with --only, and for a page)",
    parseNumber("--starts")
  ).option(
    "--tuned",
    "with the kernels that `baton tune` found here for the model (default: those of the adapter's class)"
  ).option("--in <place>", "node, or page: measure in a page of Chromium", "node").option("--trace <file>", "writes all steps there, for chrome://tracing or ui.perfetto.dev").option("--compare <report>", "JSON report to show ratios to");
  addModelOptions(command).addHelpText("after", HELP$1);
  command.action(
    (options) => benchEngine(io, options, command.getOptionValueSource("model") !== "default")
  );
}
function addShow(program, io) {
  program.command("show").description("Print a report that was kept as JSON.").argument("<report>", "what `engine --json` printed").action(async (path) => print(io, describeReport(await readWholeReport(path))));
}
async function benchEngine(io, options, modelGiven) {
  const job = checkOptions$1(options, modelGiven);
  const old = options.compare === void 0 ? void 0 : await readReport(options.compare);
  const quiet = options.quiet === true;
  const progress = createProgress(io, quiet);
  const onSoftware = (name) => {
    if (!quiet) say(io, `${name} is a software adapter: everything is slow on it.`);
  };
  const onProgress = progress.report.bind(progress);
  const { report, trace } = await interruptible(
    io,
    (signal) => runEngineJob(job, { onSoftware, onProgress, signal })
  ).finally(() => progress.stop());
  if (options.trace !== void 0) await writeTrace(options.trace, trace.toChrome(report.model.name));
  const full = old === void 0 ? report : { ...report, comparison: compareReports(report, old) };
  await (options.json ? printJson(io, full) : print(io, describeReport(full)));
}
function checkOptions$1(options, modelGiven) {
  const { weights, samples, seed, in: place } = options;
  if (place !== "node" && place !== "page") throw invalidOption("--in", place, "node or page");
  const random = weights === "random";
  if (!random && weights !== "file") throw invalidOption("--weights", weights, "file or random");
  if (random && modelGiven) {
    throw invalidOption(
      "--model",
      options.model,
      "left out where the weights are random; --shape names them"
    );
  }
  if (!random && options.shape !== void 0) {
    throw invalidOption("--shape", options.shape, "given with --weights random");
  }
  const name = options.shape ?? DEFAULT_SHAPE;
  const shape = Object.hasOwn(shapes, name) ? shapes[name] : void 0;
  if (!shape) throw invalidOption("--shape", name, `one of ${Object.keys(shapes).join(", ")}`);
  const cases = chooseCases(options.only);
  const starts = options.starts ?? (options.only === void 0 && place === "node" ? DEFAULT_STARTS : 0);
  if (place === "page" && starts !== 0) {
    throw invalidOption("--starts", starts, "0 where a page measures: no process is started for it");
  }
  const tuned = options.tuned === true;
  if (place === "page" && tuned)
    throw invalidOption("--tuned", tuned, "left out where a page measures: it has not tuned");
  return {
    runtime: checkRuntimeOptions(runtimeOptions(options)),
    model: random ? name : options.model,
    shape: random ? shape : void 0,
    samples: checkNumber("--samples", samples, { min: 1, max: 1e3, integer: true }),
    seed: checkNumber("--seed", seed, { min: 0, below: 2 ** 32, integer: true }),
    cases,
    profile: chooseProfiled(options.profile, cases),
    place,
    tuned,
    starts: checkNumber("--starts", starts, { min: 0, max: 100, integer: true })
  };
}
async function writeTrace(path, trace) {
  await writeFile(path, JSON.stringify(trace)).catch((cause) => {
    throw invalidOption("--trace", path, `the path of a file that can be written (${cause.code})`);
  });
}
const COPY_BLOCKS$1 = 32;
async function copyOf(from, to, blocks) {
  const startMs = performance.now();
  const data = await from.exportBlocks(lastBlocks(from, blocks));
  await to.importBlocks(lastBlocks(to, blocks), data);
  return performance.now() - startMs;
}
function lastBlocks({ limits }, count) {
  return Array.from({ length: count }, (_, at) => limits.blocks - COPY_BLOCKS$1 + at);
}
function costOf(copies) {
  let [w, wx, wxx, wy, wxy] = [0, 0, 0, 0, 0];
  for (const { bytes, ms } of copies) {
    const [x, y] = [bytes / 2 ** 20, ms.median];
    const weight = 1 / y ** 2;
    w += weight;
    wx += weight * x;
    wxx += weight * x * x;
    wy += weight * y;
    wxy += weight * x * y;
  }
  const slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  const fixed = (wy - slope * wx) / w;
  const digits = (value) => Number(value.toPrecision(4));
  return { fixedMs: digits(fixed), msPerMiB: digits(slope), mibPerSecond: digits(1e3 / slope) };
}
const PREFILLER = "prefiller";
const DECODER = "decoder";
const ANSWER_TOKENS = 3;
const OTHER_PROMPT = 32;
const OTHER_ANSWER = 128;
class HandoffBench {
  #loop;
  #scheduler;
  #log = { steps: [], copies: [] };
  #random;
  #blockBytes;
  #blockTokens;
  #vocabTokens;
  #conversations = 0;
  constructor(pair, seed) {
    const blocks = Math.max(1, pair.decoder.limits.blocks - COPY_BLOCKS$1);
    const devices = [PREFILLER, DECODER].map((id) => ({
      id,
      role: id,
      runner: observed(id, pair[id], this.#log, blocks)
    }));
    const specs = devices.map(({ id, role, runner: { limits } }) => ({ id, role, limits }));
    this.#scheduler = new Scheduler({ devices: specs, policy: policies.conserve, speculation: "off" });
    this.#loop = new TurnLoop(this.#scheduler, new Map(devices.map(({ id, runner }) => [id, runner])));
    this.#random = new RandomWords(seed);
    const { blockBytes, blockTokens, vocabTokens } = pair.decoder.limits;
    this.#blockBytes = blockBytes;
    this.#blockTokens = blockTokens;
    this.#vocabTokens = vocabTokens;
  }
  /** A first turn of so many tokens, prefilled on one device and decoded on the other. */
  async sample(promptTokens) {
    const id = `handoff-${++this.#conversations}`;
    this.#log.steps.length = 0;
    this.#log.copies.length = 0;
    await runTurn(this.#loop, id, 0, this.#prompt(promptTokens), ANSWER_TOKENS);
    const { transfers } = this.#scheduler.movedOf(id);
    this.#loop.close(id);
    const own = this.#log.steps.filter(({ sequences }) => sequences.includes(id));
    const prefilled = own.findLast(({ device }) => device === PREFILLER);
    const decoding = own.find(({ device }) => device === DECODER);
    const exports = this.#log.copies.filter(({ step }) => step === "export");
    const imports = this.#log.copies.filter(({ step }) => step === "import");
    const [last, arrived] = [exports.at(-1), imports.at(-1)];
    if (prefilled === void 0 || decoding === void 0 || last === void 0 || arrived === void 0)
      throw new Error("the conversation was not handed over");
    const ownMs = Math.max(0, arrived.endMs - prefilled.endMs);
    const visibleMs = Math.max(0, decoding.startMs - prefilled.endMs);
    return {
      visibleMs,
      ownMs,
      stepWaitMs: visibleMs - ownMs,
      lastBlocks: last.blocks,
      blocks: exports.reduce((sum, { blocks }) => sum + blocks, 0),
      bytes: imports.reduce((sum, { bytes }) => sum + bytes, 0),
      kvBytes: promptTokens / this.#blockTokens * this.#blockBytes,
      transfers
    };
  }
  /** So many other conversations decode on the decoder, from when it resolves until they are stopped. */
  async occupy(others) {
    let stopped = false;
    const ids = Array.from({ length: others }, () => `other-${++this.#conversations}`);
    for (const id of ids) await runTurn(this.#loop, id, 0, this.#prompt(OTHER_PROMPT), 2);
    const running = ids.map(async (id) => {
      while (!stopped) await runTurn(this.#loop, id, OTHER_PROMPT, [1], OTHER_ANSWER).catch(() => {
      });
    });
    return {
      stop: async () => {
        stopped = true;
        for (const id of ids) this.#loop.close(id);
        await Promise.all(running);
      }
    };
  }
  dispose() {
    return this.#loop.dispose();
  }
  #prompt(tokens) {
    return this.#random.integers(tokens, this.#vocabTokens);
  }
}
function throttled(runner, mibPerSecond) {
  let freeMs = 0;
  const carry = async (bytes) => {
    freeMs = Math.max(performance.now(), freeMs) + linkMs(bytes, mibPerSecond);
    await until(freeMs);
  };
  return {
    name: runner.name,
    limits: runner.limits,
    run: (plan) => runner.run(plan),
    exportBlocks: async (blocks) => {
      const data = await runner.exportBlocks(blocks);
      await carry(data.byteLength);
      return data;
    },
    importBlocks: async (blocks, data) => {
      await carry(data.byteLength);
      await runner.importBlocks(blocks, data);
    },
    dispose: () => {
    }
  };
}
function linkMs(bytes, mibPerSecond) {
  return bytes / 2 ** 20 / mibPerSecond * 1e3;
}
const TIMER_MS = 3;
async function until(dueMs) {
  const restMs = dueMs - performance.now() - TIMER_MS;
  if (restMs > 0) await new Promise((done) => setTimeout(done, restMs));
  while (performance.now() < dueMs) await new Promise((turn) => setImmediate(turn));
}
const BAR = 1.2;
const COPY_BLOCKS = [1, 2, 4, 8, 16, 32];
async function runHandoff(request) {
  setMaxListeners(0, request.signal);
  const opened = [];
  try {
    for (const adapter of request.adapters) {
      const runner = await openModelRunner({ ...request, adapter, sharers: 2 });
      opened.push(runner);
    }
    const [prefiller, decoder] = opened;
    if (prefiller === void 0 || decoder === void 0) throw new Error("two devices were asked for");
    if (decoder.tunable.gpu.summary.software) request.onSoftware(decoder.name);
    const pair = { prefiller, decoder };
    const count = counter(request);
    const copies = await measureCopies(pair, request, count);
    const results = await measureHandoffs(pair, request, count);
    const links = await measureLinks(pair, request, count);
    return {
      devices: [
        { role: "prefiller", adapter: prefiller.name },
        { role: "decoder", adapter: decoder.name }
      ],
      blockBytes: decoder.limits.blockBytes,
      copies,
      copyCost: costOf(copies),
      results,
      links
    };
  } finally {
    for (const runner of opened) runner.dispose();
  }
}
function counter({ prompts, samples, links, onProgress }) {
  const total = COPY_BLOCKS.length * samples + prompts.length * samples * 2 + links.length * samples;
  let done = 0;
  return () => onProgress({ phase: "measure", done: ++done, total, unit: "samples", label: "" });
}
async function measureCopies({ prefiller, decoder }, { samples, signal }, count) {
  const taken = new Map(COPY_BLOCKS.map((blocks) => [blocks, []]));
  for (let round2 = -1; round2 < samples; round2++) {
    for (const [blocks, list2] of taken) {
      signal.throwIfAborted();
      const ms = await copyOf(prefiller, decoder, blocks);
      if (round2 < 0) continue;
      list2.push(ms);
      count();
    }
  }
  const { blockBytes } = decoder.limits;
  return [...taken].map(([blocks, list2]) => ({ blocks, bytes: blocks * blockBytes, ms: spread$1(list2) }));
}
async function measureHandoffs(pair, request, count) {
  const { prompts, samples, signal, others } = request;
  const results = [];
  const bench = new HandoffBench(pair, 1);
  try {
    for (const decoder of ["idle", "busy"]) {
      const taken = new Map(prompts.map((tokens) => [tokens, []]));
      for (let round2 = -1; round2 < samples; round2++) {
        const alone = /* @__PURE__ */ new Map();
        for (const tokens of prompts) {
          const last = taken.get(tokens)?.[0]?.handoff.lastBlocks ?? 1;
          alone.set(tokens, await copyOf(pair.prefiller, pair.decoder, last));
        }
        const busy = decoder === "busy" ? await bench.occupy(others) : void 0;
        for (const [tokens, list2] of taken) {
          signal.throwIfAborted();
          const handoff = await bench.sample(tokens);
          const copyMs = alone.get(tokens) ?? Number.NaN;
          if (round2 <= 0) list2.length = 0;
          list2.push({ handoff, copyMs });
          if (round2 >= 0) count();
        }
        await busy?.stop();
      }
      for (const [tokens, list2] of taken) results.push(resultOf$1(decoder, tokens, list2));
    }
  } finally {
    await bench.dispose();
  }
  return results;
}
function resultOf$1(decoder, promptTokens, taken) {
  const of = (value) => taken.map(({ handoff }) => value(handoff));
  const ownMs = percentiles(of((sample) => sample.ownMs));
  const copyMs = percentiles(taken.map(({ copyMs: copyMs2 }) => copyMs2));
  const [first] = taken;
  const ratio = ownMs.p50 / copyMs.p50;
  return {
    decoder,
    promptTokens,
    samples: taken.length,
    lastBlocks: first?.handoff.lastBlocks ?? 0,
    blocks: first?.handoff.blocks ?? 0,
    bytesRatio: spread$1(of(({ bytes, kvBytes }) => bytes / kvBytes)),
    transfers: spread$1(of(({ transfers }) => transfers)),
    visibleMs: percentiles(of((sample) => sample.visibleMs)),
    ownMs,
    stepWaitMs: percentiles(of((sample) => sample.stepWaitMs)),
    copyMs,
    ratio,
    met: ratio <= BAR
  };
}
async function measureLinks({ prefiller, decoder }, { prompts, links, samples, signal }, count) {
  const tokens = Math.max(...prompts);
  const results = [];
  for (const mibPerSecond of links) {
    const linked = {
      prefiller: throttled(prefiller, mibPerSecond),
      decoder: throttled(decoder, mibPerSecond)
    };
    const bench = new HandoffBench(linked, 2);
    const taken = [];
    try {
      for (let round2 = 0; round2 < samples; round2++) {
        signal.throwIfAborted();
        taken.push(await bench.sample(tokens));
        count();
      }
    } finally {
      await bench.dispose();
    }
    const [first] = taken;
    const bytes = decoder.limits.blockBytes;
    results.push({
      mibPerSecond,
      promptTokens: tokens,
      samples: taken.length,
      visibleMs: spread$1(taken.map(({ visibleMs }) => visibleMs)),
      lastChunkMs: 2 * linkMs((first?.lastBlocks ?? 0) * bytes, mibPerSecond),
      wholeMs: 2 * linkMs((first?.blocks ?? 0) * bytes, mibPerSecond)
    });
  }
  return results;
}
function percentiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q) => round(quantile(sorted, q));
  return { p50: at(0.5), p95: at(0.95), min: at(0), max: at(1) };
}
function round(value) {
  return Number(value.toPrecision(5));
}
function addHandoff(program, io) {
  program.command("handoff").description("Measure what a turn sees of its KV going from a prefiller to a decoder.").option("--devices <adapters>", "prefiller and decoder: parts of their names, separated by a comma", ",").option("--model <model>", "shape of random weights, name in the catalogue, or file", "tiny-15m").option("--prompts <tokens>", "lengths of first prompts", "300,600,1200").option(
    "--samples <number>",
    "of each length, with an idle and a busy decoder",
    parseNumber("--samples"),
    10
  ).option("--others <number>", "conversations on a busy decoder", parseNumber("--others"), 8).option("--links <rates>", "simulated links, in MiB a second; none for none", "10,100,1000").option("--kv-mib <MiB>", "size of each KV pool", parseNumber("--kv-mib")).option("--json", "print JSON for machines").option("--quiet", "nothing on stderr but errors").action(async (options) => {
    const request = requestOf(options);
    const before = loadAverage();
    const progress = createProgress(io, options.quiet === true);
    const onProgress = progress.report.bind(progress);
    const onSoftware = (name) => {
      if (options.quiet !== true) say(io, `${name} is a software adapter: everything is slow on it.`);
    };
    const run = await interruptible(
      io,
      (signal) => runHandoff({ ...request, signal, onProgress, onSoftware })
    ).finally(() => progress.stop());
    const report = {
      benchmark: "handoff",
      takenAt: (/* @__PURE__ */ new Date()).toISOString(),
      machine: describeMachine(),
      loadAverage: [before, loadAverage()],
      model: modelText(request.model),
      others: request.others,
      bar: BAR,
      ...run
    };
    await (options.json ? printJson(io, report) : print(io, describe$1(report)));
  });
}
function requestOf(options) {
  const { kvMib, links } = options;
  const adapters = options.devices.split(",").map((name) => name.trim());
  if (adapters.length !== 2)
    throw invalidOption("--devices", options.devices, "two adapters with a comma between");
  const numbers = (name, text2, range2) => text2.split(",").map((value) => checkNumber(name, Number(value), range2));
  const whole = (name, value) => checkNumber(name, value, { min: 1, max: 1e3, integer: true });
  return {
    adapters: [adapters[0] ?? "", adapters[1] ?? ""],
    model: benchedModel("--model", options.model),
    prompts: numbers("--prompts", options.prompts, { min: 2, max: 1e5 }).map(Math.floor),
    samples: whole("--samples", options.samples),
    others: whole("--others", options.others),
    links: links === "none" ? [] : numbers("--links", links, { above: 0, max: 1e6 }),
    kvMiB: kvMib === void 0 ? void 0 : checkNumber("--kv-mib", kvMib, { above: 0, max: 2 ** 20 })
  };
}
function describe$1(report) {
  const { machine, devices, model, copyCost, others, bar } = report;
  const [before, after] = report.loadAverage.map((load) => load.toFixed(1));
  const { fixedMs, msPerMiB, mibPerSecond } = copyCost;
  const head = formatTable([
    ...devices.map(({ role, adapter }) => [role, adapter]),
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no clone"}), Node ${machine.node}, Dawn ${machine.dawn}`
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    ["model", model],
    [
      "copy alone",
      `${fixedMs.toFixed(2)} ms and ${msPerMiB.toFixed(3)} ms a MiB (${mibPerSecond.toFixed(0)} MiB/s)`
    ],
    ["busy", `${others} other conversations decode on the decoder`],
    ["bar", `what the handoff takes is at most ${bar} times the copy of the last chunk's blocks alone`]
  ]);
  return [head, copyTable(report), handoffTable(report), linkTable(report)].join("\n");
}
function copyTable({ copies }) {
  const rows = copies.map(({ blocks, bytes, ms }) => [
    `${blocks}`,
    (bytes / 2 ** 20).toFixed(2),
    spreadText(ms),
    `${ms.samples}`
  ]);
  return formatTable([["copy alone: blocks", "MiB", "ms", "n"], ...rows]);
}
function handoffTable({ results }) {
  const rows = results.map((result) => [
    result.decoder,
    `${result.promptTokens}`,
    `${result.lastBlocks} of ${result.blocks}`,
    percentilesText(result.visibleMs),
    percentilesText(result.stepWaitMs),
    percentilesText(result.ownMs),
    percentilesText(result.copyMs),
    `${result.ratio.toFixed(2)} ${result.met ? "met" : "missed"}`,
    result.bytesRatio.median.toFixed(3),
    `${result.samples}`
  ]);
  const columns = ["decoder", "prompt", "last blocks", "visible ms p50 p95", "waits for a step", "handoff's own", "copy alone", "own / copy", "bytes / KV", "n"];
  return formatTable([columns, ...rows]);
}
function linkTable({ links }) {
  if (links.length === 0) return "";
  const rows = links.map(({ mibPerSecond, promptTokens, visibleMs, lastChunkMs, wholeMs, samples }) => [
    `${mibPerSecond}`,
    `${promptTokens}`,
    spreadText(visibleMs),
    lastChunkMs.toFixed(1),
    wholeMs.toFixed(1),
    `${samples}`
  ]);
  const columns = ["link MiB/s", "prompt", "visible ms", "last chunk, out and in", "all of it, out and in", "n"];
  return formatTable([columns, ...rows]);
}
function percentilesText({ p50, p95 }) {
  return `${p50.toFixed(2)} ${p95.toFixed(2)}`;
}
function spreadText({ median, min, max }) {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}
async function ensurePeerPackages() {
  const sentence = "installing the peers' npm packages into bench/peers (about 1.2 GB, some minutes)";
  await ensureLocked(inClone("bench", "peers"), sentence);
}
async function ensureLocked(folder, sentence) {
  const lock = modifiedMs(join(folder, "package-lock.json"));
  const installed = modifiedMs(join(folder, "node_modules", ".package-lock.json"));
  if (installed >= lock) return;
  const flags = ["--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  const status = await runStep(sentence, npm("ci", "--prefix", folder, ...flags));
  if (status !== 0) {
    throw new SetupError(`npm ci failed with status ${status}; what npm printed above says why.`);
  }
}
function modifiedMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
class PeerFailure extends Error {
}
const LAST_LINES = 20;
class PeerProcess {
  name;
  #command;
  #env;
  #lines = [];
  #child;
  /** @param env what is added to this process's own */
  constructor(name, command, env) {
    this.name = name;
    this.#command = command;
    this.#env = { ...process.env, ...env };
  }
  async load(job, limitMs) {
    const answer2 = await this.#ask({ kind: "load", job }, limitMs);
    if (answer2.kind !== "loaded") throw new PeerFailure(`it answered ${answer2.kind} to load`);
    const { version: version2, device } = answer2;
    return { version: version2, device };
  }
  async run(tokens, limitMs) {
    const answer2 = await this.#ask({ kind: "run", tokens }, limitMs);
    if (answer2.kind !== "ran") throw new PeerFailure(`it answered ${answer2.kind} to run`);
    const { prefillMs, decodeMs, tokens: ids } = answer2;
    return { prefillMs, decodeMs, tokens: ids };
  }
  async stop() {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
  #start() {
    const [script2, ...args] = this.#command;
    const child = fork(script2, args, { env: this.#env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    for (const input of [child.stdout, child.stderr]) {
      if (!input) continue;
      createInterface({ input }).on("line", (line) => {
        this.#lines.push(line);
        if (this.#lines.length > LAST_LINES) this.#lines.shift();
      });
    }
    this.#child = child;
    return child;
  }
  async #ask(request, limitMs) {
    const child = this.#child ?? this.#start();
    try {
      const answer2 = await this.#answerOf(child, request, limitMs);
      if (answer2.kind === "failed") throw new PeerFailure(oneLine(answer2.reason));
      return answer2;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }
  #answerOf(child, request, limitMs) {
    return new Promise((resolve, reject) => {
      const fail2 = (reason) => settle(() => reject(new PeerFailure(reason)));
      const onMessage = (answer2) => settle(() => resolve(answer2));
      const onClose = (code, signal) => fail2(`its process ended with ${signal ?? `status ${code}`}${this.#lastWords()}`);
      const onError = (error) => fail2(oneLine(error.message));
      const timer = setTimeout(() => fail2(`no answer within ${limitMs / 1e3} s`), limitMs);
      const settle = (end) => {
        clearTimeout(timer);
        child.off("message", onMessage).off("close", onClose).off("error", onError);
        end();
      };
      if (child.exitCode !== null || child.signalCode !== null) {
        onClose(child.exitCode, child.signalCode);
        return;
      }
      child.on("message", onMessage).on("close", onClose).on("error", onError);
      child.send(request, (error) => {
        if (error && child.exitCode === null && child.signalCode === null) onError(error);
      });
    });
  }
  /** The line that names an error, or the last one. */
  #lastWords() {
    const line = this.#lines.findLast((one) => /error/i.test(one)) ?? this.#lines.at(-1);
    return line === void 0 ? "" : `: ${oneLine(line)}`;
  }
}
function oneLine(text2) {
  const line = text2.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
  return line.length <= 200 ? line : `${line.slice(0, 199)}…`;
}
const TEXT$1 = `Please write a long story for children about a lighthouse keeper, her grandson and a small grey cat who live on an island far
out in the sea. One winter night the lamp goes out, a storm comes up from the west, and a ship with forty people on board sails towards
the rocks. Tell me how the three of them find the old ship's bell in the cellar, carry it up all the stairs together, and ring it until
the morning, and what the captain brings them when spring comes. Describe the sea, the wind, the smell of the oil, the sound of the bell
and the colours of the sky as well as you can. Begin with the weather on that evening, let everyone speak in their own words, and end
with the cat asleep on the captain's hat. Do not hurry: the children like it best when a story is long and nothing is left out.`;
function createPrompt(file, tokens) {
  const tokenizer = createTokenizer(file.metadata, vocabOf(new TensorTable(file)));
  const template = createChatTemplate(file.metadata, tokenizer);
  return cutPrompt(
    tokens,
    (content) => template.encode([{ role: "user", content }], { generationPrompt: true })
  );
}
function cutPrompt(tokens, encode) {
  const line = TEXT$1.replaceAll("\n", " ");
  for (let length = line.length; length > 0; length--) {
    const text2 = line.slice(0, length).trimEnd();
    const ids = encode(text2);
    if (ids.length === tokens) return { text: text2, ids };
  }
  throw new RangeError(`no beginning of the prompt's text has ${tokens} tokens`);
}
function sceneReport(scene, names, outcomes, promptTokens) {
  const outcomeOf2 = (name) => outcomes[names.indexOf(name)];
  const measured = (role) => names.flatMap((name) => {
    const outcome = name.role === role ? outcomeOf2(name) : void 0;
    return outcome?.kind === "measured" ? [outcome] : [];
  });
  const [baton2] = measured("baton");
  const rates = (samples) => samples.map((sample) => ratesOf(sample, promptTokens));
  const results = names.map((name) => {
    const outcome = outcomeOf2(name);
    if (outcome?.kind !== "measured")
      return { ...name, kind: "failed", reason: outcome?.reason ?? "it was not run" };
    const { version: version2, device, samples } = outcome;
    const other = name.role === "baton" ? void 0 : baton2;
    return {
      ...name,
      kind: "measured",
      version: version2,
      device: device ?? null,
      prefillTokensPerSecond: spread(rates(samples).map(({ prefill: prefill2 }) => prefill2)),
      decodeTokensPerSecond: spread(rates(samples).map(({ decode: decode2 }) => decode2)),
      tokens: samples[0]?.tokens.length ?? 0,
      sameTokens: other ? commonTokens(other.samples, samples) : null,
      ratios: other ? ratiosOf(rates(other.samples), rates(samples)) : null
    };
  });
  const peers = measured("peer").map(({ samples }) => rates(samples));
  const overBestPeer = baton2 && peers.length > 0 ? ratiosOf(rates(baton2.samples), bestOf(peers)) : null;
  return { scene, adapter: baton2?.device ?? null, results, overBestPeer };
}
function ratesOf({ prefillMs, decodeMs, tokens }, promptTokens) {
  return { prefill: promptTokens * 1e3 / prefillMs, decode: (tokens.length - 1) * 1e3 / decodeMs };
}
function bestOf(peers) {
  const rounds = Math.min(...peers.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round2) => ({
    prefill: Math.max(...peers.map((rates) => rates[round2]?.prefill ?? 0)),
    decode: Math.max(...peers.map((rates) => rates[round2]?.decode ?? 0))
  }));
}
function ratiosOf(baton2, other) {
  const pairs2 = baton2.flatMap((ours, round2) => {
    const theirs = other[round2];
    return theirs ? [{ ours, theirs }] : [];
  });
  return {
    prefill: spread(pairs2.map(({ ours, theirs }) => ours.prefill / theirs.prefill)),
    decode: spread(pairs2.map(({ ours, theirs }) => ours.decode / theirs.decode))
  };
}
function commonTokens([baton2], [other]) {
  const theirs = other?.tokens ?? [];
  const differs = theirs.findIndex((id, at) => id !== baton2?.tokens[at]);
  return differs < 0 ? theirs.length : differs;
}
function spread(values) {
  const summary = summarize(values);
  if (!summary) throw new RangeError("nothing was measured");
  const { samples, median, min, max } = summary;
  const round2 = (value) => Number(value.toPrecision(4));
  return { samples, median: round2(median), min: round2(min), max: round2(max) };
}
function describePeers(report) {
  const { machine, loadAverage: loadAverage2, model, promptTokens, rounds } = report;
  const [before, after] = loadAverage2.map((load) => load.toFixed(1));
  const head = formatTable([
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no commit"}), Node ${machine.node}, Dawn ${machine.dawn}`
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    ["model", model],
    ["measured", `prefill of ${promptTokens} tokens and decode after them, greedy, ${rounds} rounds`]
  ]);
  return [head, ...report.scenes.map(describeScene)].join("\n");
}
function describeScene({ scene, adapter, results, overBestPeer }) {
  const header = ["", "prefill tokens/s", "decode tokens/s", "Baton / it: prefill", "decode", "same tokens"];
  const best = overBestPeer ? [["best peer", "", "", ...ratioTexts(overBestPeer), ""]] : [];
  const table = formatTable([header, ...results.map(row), ...best], [1, 2, 3, 4, 5]);
  const notes = results.flatMap((result) => {
    if (result.kind === "failed") return [`${result.title} did not run: ${result.reason}.
`];
    return [`${result.title}: ${result.version}${result.device === null ? "" : `, ${result.device}`}
`];
  });
  return `${scene}: ${adapter ?? "Baton did not run"}
${table}${notes.join("")}`;
}
function row(result) {
  if (result.kind === "failed") return [result.title, "did not run"];
  const { title, prefillTokensPerSecond, decodeTokensPerSecond, ratios, sameTokens, tokens } = result;
  return [
    title,
    rangeText(prefillTokensPerSecond),
    rangeText(decodeTokensPerSecond),
    ...ratios ? ratioTexts(ratios) : ["", ""],
    sameTokens === null ? "" : `${sameTokens} of ${tokens}`
  ];
}
function ratioTexts({ prefill: prefill2, decode: decode2 }) {
  return [rangeText(prefill2), rangeText(decode2)];
}
function rangeText({ median, min, max }) {
  const [middle, least, greatest] = [median, min, max].map((value) => value.toFixed(value < 10 ? 2 : 1));
  return `${middle} (${least}–${greatest})`;
}
const LOAD_LIMIT_MS = 6e5;
const RUN_LIMIT_MS = 3e5;
const WARM_UP_TOKENS = 3;
const STILL_WARMING = 0.95;
const MAX_WARM_UPS = 12;
const DECODE_MS = 1e4;
const MAX_TOKENS = 17;
const MIN_TOKENS = 3;
async function measurePeers(peers, jobOf, options) {
  const failed = /* @__PURE__ */ new Map();
  const stopped = aborted(options.signal);
  let ready = [];
  for (const peer of peers) {
    options.onLoad(peer.name);
    const one = await attempt(peer, failed, stopped, () => warmUp(peer, jobOf(peer)));
    if (one) ready.push(one);
  }
  let done = 0;
  for (let round2 = 0; round2 < options.rounds; round2++) {
    for (const one of rotated(ready, round2)) {
      const sample = await attempt(one.peer, failed, stopped, () => measure$1(one));
      if (sample) one.samples.push(sample);
      else ready = ready.filter((other) => other !== one);
      done += 1;
      options.onRun(done, done + ready.length * options.rounds - samplesOf(ready));
    }
  }
  const outcomes = new Map(ready.map((one) => [one.peer, outcomeOf(one)]));
  return peers.map(
    (peer) => outcomes.get(peer) ?? { kind: "failed", reason: failed.get(peer) ?? "it gave no figures" }
  );
}
async function warmUp(peer, job) {
  const identity = await peer.load(job, LOAD_LIMIT_MS);
  let best = await peer.run(WARM_UP_TOKENS, LOAD_LIMIT_MS);
  for (let runs = 1; runs < MAX_WARM_UPS; runs++) {
    const sample = await peer.run(WARM_UP_TOKENS, RUN_LIMIT_MS);
    const isQuicker = totalMs(sample) < totalMs(best) * STILL_WARMING;
    if (totalMs(sample) < totalMs(best)) best = sample;
    if (!isQuicker) break;
  }
  const tokenMs = best.decodeMs / (WARM_UP_TOKENS - 1);
  const tokens = Math.max(MIN_TOKENS, Math.min(MAX_TOKENS, 1 + Math.floor(DECODE_MS / tokenMs)));
  return { ...identity, peer, tokens, samples: [] };
}
function totalMs({ prefillMs, decodeMs }) {
  return prefillMs + decodeMs;
}
async function measure$1({ peer, tokens, samples }) {
  const sample = await peer.run(tokens, RUN_LIMIT_MS);
  if (sample.tokens.length < MIN_TOKENS) throw new PeerFailure(`it gave ${sample.tokens.length} tokens`);
  const [first = sample] = samples;
  if (`${first.tokens}` !== `${sample.tokens}`)
    throw new PeerFailure("it gave other tokens for the same prompt");
  return sample;
}
async function attempt(peer, failed, stopped, action) {
  try {
    return await Promise.race([stopped, action()]);
  } catch (error) {
    if (!(error instanceof PeerFailure)) throw error;
    failed.set(peer, error.message);
    await peer.stop();
    return void 0;
  }
}
function aborted(signal) {
  const promise = new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  promise.catch(() => {
  });
  return promise;
}
function rotated(items, by) {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
function samplesOf(ready) {
  return ready.reduce((sum, { samples }) => sum + samples.length, 0);
}
function outcomeOf({ version: version2, device, samples }) {
  return { kind: "measured", version: version2, device, samples };
}
const PROMPT_TOKENS = 128;
async function runPeersJob(job, watcher) {
  const { signal, onProgress } = watcher;
  const source = await createNodePlatform().resolveModel(job.model, { signal, onProgress });
  const file = await openGguf(source, { signal });
  const prompt = createPrompt(file, PROMPT_TOKENS);
  await file.close();
  const jobs = new PeerJobs(source.name, prompt);
  await jobs.provide(job.scenes.flatMap(({ entries }) => entries.flatMap(({ needs }) => needs)));
  const before = loadAverage();
  const scenes2 = [];
  for (const scene of job.scenes) scenes2.push(await runScene(scene, jobs, job.rounds, watcher));
  return {
    benchmark: "peers",
    takenAt: (/* @__PURE__ */ new Date()).toISOString(),
    machine: describeMachine(),
    loadAverage: [before, loadAverage()],
    model: basename(source.name),
    promptTokens: prompt.ids.length,
    rounds: job.rounds,
    scenes: scenes2
  };
}
async function runScene(scene, jobs, rounds, { signal, onProgress, say: say2 }) {
  const { env, reason } = await scene.prepare().then(
    (env2) => ({ env: env2, reason: void 0 }),
    (error) => ({ env: {}, reason: reasonOf(error) })
  );
  const peers = scene.entries.map((entry) => entry.open(env));
  try {
    const jobOf = (peer) => {
      if (reason !== void 0) throw new PeerFailure(reason);
      return jobs.for(scene.entries[peers.indexOf(peer)]);
    };
    const outcomes = await measurePeers(peers, jobOf, {
      rounds,
      signal,
      onLoad: (name) => say2(`${scene.title}: loading ${name}, and warming it up`),
      onRun: (done, total) => onProgress({ phase: "measure", done, total, unit: "samples", label: "" })
    });
    const names = scene.entries.map(({ id, title, role }) => ({ id, title, role }));
    return sceneReport(scene.title, names, outcomes, PROMPT_TOKENS);
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
}
class PeerJobs {
  #model;
  #prompt;
  #missing = /* @__PURE__ */ new Map();
  #onnx;
  constructor(model, prompt) {
    this.#model = model;
    this.#prompt = prompt;
  }
  /** Installs and makes what is needed and not there. */
  async provide(needs) {
    const attempt2 = async (need, action) => {
      if (needs.includes(need) && this.#missing.size === 0)
        await action().catch((error) => this.#missing.set(need, reasonOf(error)));
    };
    await attempt2("packages", ensurePeerPackages);
    await attempt2("onnx", async () => {
      this.#onnx = await makeOnnx(this.#model);
    });
  }
  /** @throws PeerFailure */
  for(entry) {
    for (const need of entry?.needs ?? []) {
      const reason = this.#missing.get(need);
      if (reason !== void 0) throw new PeerFailure(reason);
    }
    const onnx = entry?.needs.includes("onnx") ? this.#onnx : void 0;
    return { model: this.#model, onnx, ...this.#prompt, threads: availableParallelism() };
  }
}
function reasonOf(error) {
  if (error instanceof PeerFailure || error instanceof SetupError) return error.message;
  throw error;
}
const ONNX_SCRIPTS = ["make.mjs", "graph.mjs", "repack.mjs"];
async function makeOnnx(model) {
  const scripts = ONNX_SCRIPTS.map((name) => inClone("bench", "peers", "onnx", name));
  const hash = createHash("sha256").update(readFileSync(model));
  for (const script2 of scripts) hash.update(readFileSync(script2));
  const folder = join(cacheFolder(), "peers", `onnx-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return folder;
  const [make = ""] = scripts;
  try {
    await promisify(execFile)(process.execPath, [make, model, folder]);
  } catch (error) {
    const { stderr } = error;
    const line = stderr?.split("\n").find((one) => one.startsWith("Error: ")) ?? String(error);
    throw new PeerFailure(`the weights could not be written as ONNX: ${line.replace("Error: ", "")}`);
  }
  return folder;
}
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm"
};
const IMPORTS = {
  "@huggingface/transformers": "/packages/@huggingface/transformers/dist/transformers.web.js",
  wllama: "/packages/@wllama/wllama/esm/index.js",
  "onnxruntime-common": "/packages/onnxruntime-common/dist/esm/index.js",
  "onnxruntime-web/webgpu": "/packages/onnxruntime-web/dist/ort.webgpu.bundle.min.mjs"
};
const PAGE = `<!doctype html><title>peer</title><link rel="icon" href="data:," />
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}<\/script>
<script type="module" src="/pages/page.mjs"><\/script>`;
class PeerServer {
  #job;
  #baton;
  #server = createServer((request, response) => void this.#answer(request, response));
  /** The page's open question for something to do. */
  #waiting;
  #request;
  #onAnswer = () => {
  };
  constructor(job, baton2) {
    this.#job = job;
    this.#baton = baton2;
  }
  /** @param baton Baton as one module, for the page that imports it */
  static async start(job, baton2) {
    const server = new PeerServer(job, baton2);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }
  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/`;
  }
  /** One request at a time. Pends for ever where the page is gone. */
  ask(request) {
    this.#request = request;
    this.#handOver();
    return new Promise((resolve) => {
      this.#onAnswer = resolve;
    });
  }
  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
  #handOver() {
    if (!this.#request || !this.#waiting) return;
    this.#waiting.end(JSON.stringify(this.#request));
    this.#waiting = void 0;
    this.#request = void 0;
  }
  async #answer(request, response) {
    const { pathname } = new URL(request.url ?? "/", this.url);
    response.setHeader("cross-origin-opener-policy", "same-origin");
    response.setHeader("cross-origin-embedder-policy", "require-corp");
    response.setHeader("cache-control", "no-store");
    if (pathname === "/next") {
      this.#waiting = response;
      this.#handOver();
    } else if (pathname === "/answer") {
      const answer2 = JSON.parse(await text(request));
      response.end();
      this.#onAnswer(answer2);
    } else if (pathname === "/" || pathname === "/baton.mjs") {
      response.setHeader("content-type", TYPES[extname(pathname) || ".html"] ?? "");
      response.end(pathname === "/" ? PAGE : this.#baton);
    } else {
      sendFile(this.#fileOf(decodeURIComponent(pathname)), response);
    }
  }
  /** Undefined for what is not served. */
  #fileOf(path) {
    const [, folder = "", ...rest] = normalize(path).split("/");
    const inside = join(...rest, "");
    switch (folder) {
      case "model.gguf":
        return this.#job.model;
      case "models":
        return this.#job.onnx === void 0 ? void 0 : join(this.#job.onnx, ...rest.slice(1));
      case "packages":
        return inClone("bench", "peers", "node_modules", inside);
      case "pages":
      case "engines":
        return inClone("bench", "peers", folder, inside);
      default:
        return void 0;
    }
  }
}
function sendFile(path, response) {
  const found = path === void 0 ? void 0 : statSync(path, { throwIfNoEntry: false });
  if (path === void 0 || !found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
  response.setHeader("content-length", found.size);
  createReadStream(path).pipe(response);
}
class ChromiumPeer {
  name;
  #engine;
  #server;
  #browser;
  /** @param engine names a module of pages/ */
  constructor(name, engine) {
    this.name = name;
    this.#engine = engine;
  }
  async load(job, limitMs) {
    const baton2 = this.#engine === "baton" ? await bundleBaton() : "";
    this.#server = await PeerServer.start(job, baton2);
    this.#browser = new Browser(`${this.#server.url}?engine=${this.#engine}`);
    const answer2 = await this.#ask({ kind: "load", job }, limitMs);
    if (answer2.kind !== "loaded") throw new PeerFailure(`it answered ${answer2.kind} to load`);
    const { version: version2, device } = answer2;
    return { version: version2, device };
  }
  async run(tokens, limitMs) {
    const answer2 = await this.#ask({ kind: "run", tokens }, limitMs);
    if (answer2.kind !== "ran") throw new PeerFailure(`it answered ${answer2.kind} to run`);
    const { prefillMs, decodeMs, tokens: ids } = answer2;
    return { prefillMs, decodeMs, tokens: ids };
  }
  async stop() {
    const [browser, server] = [this.#browser, this.#server];
    this.#browser = void 0;
    this.#server = void 0;
    await browser?.stop();
    await server?.stop();
  }
  async #ask(request, limitMs) {
    const [browser, server] = [this.#browser, this.#server];
    if (!browser || !server) throw new PeerFailure("its browser was stopped");
    const answer2 = await browser.until(server.ask(request), limitMs).catch((error) => {
      throw new PeerFailure(oneLine(String(error)));
    });
    if (answer2.kind === "failed") throw new PeerFailure(oneLine(answer2.reason));
    return answer2;
  }
}
const BUNDLE_BYTES = 16 * 2 ** 20;
async function bundleBaton() {
  const script2 = inClone("bench", "peers", "pages", "bundle.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, [script2], { maxBuffer: BUNDLE_BYTES });
  return stdout;
}
const script = (name) => inClone("bench", "peers", "engines", name);
function baton(adapter) {
  const name = { id: "baton", title: "Baton", role: "baton" };
  const library = pathToFileURL(inClone("dist", "node.js")).href;
  const command = [script("baton.mjs"), library, adapter];
  return { ...name, needs: [], open: (env) => new PeerProcess(name.title, command, env) };
}
const llamaVulkan = nodePeer("llama-vulkan", "llama.cpp, Vulkan", ["packages"], ["llama_cpp.mjs", "vulkan"]);
const llamaCpu = {
  ...nodePeer("llama-cpu", "llama.cpp, CPU", ["packages"], ["llama_cpp.mjs", "cpu"]),
  role: "ceiling"
};
const onnxRuntime = nodePeer(
  "onnxruntime",
  "ONNX Runtime, WebGPU",
  ["packages", "onnx"],
  ["onnx_runtime.mjs"]
);
const transformers = nodePeer(
  "transformers.js",
  "transformers.js, WebGPU",
  ["packages", "onnx"],
  ["transformers.mjs"]
);
function nodePeer(id, title, needs, [file, ...args]) {
  const command = [script(file), ...args];
  return { id, title, role: "peer", needs, open: (env) => new PeerProcess(title, command, env) };
}
function inChromium(name, engine, needs) {
  return { ...name, needs, open: () => new ChromiumPeer(name.title, engine) };
}
const webLlm = {
  id: "web-llm",
  title: "web-llm",
  role: "peer",
  needs: [],
  open: () => ({
    name: "web-llm",
    load: async () => {
      throw new PeerFailure(
        "it needs weights in a format of its own and a library compiled for each model, and no package holds either"
      );
    },
    run: async () => {
      throw new PeerFailure("it was not loaded");
    },
    stop: async () => {
    }
  })
};
const scenes = [
  {
    id: "lavapipe",
    title: "In Node on lavapipe",
    entries: [baton("llvmpipe"), llamaVulkan, onnxRuntime, transformers, llamaCpu],
    prepare: async () => onlyDriver(lavapipeDriver())
  },
  {
    id: "swiftshader",
    title: "In Node on SwiftShader",
    entries: [baton("SwiftShader"), llamaVulkan, onnxRuntime],
    prepare: async () => onlyDriver(await swiftshaderDriver())
  },
  {
    id: "chromium",
    title: "In Chromium on SwiftShader",
    entries: [
      inChromium({ id: "baton", title: "Baton", role: "baton" }, "baton", []),
      inChromium({ id: "transformers.js", title: "transformers.js, WebGPU", role: "peer" }, "transformers", [
        "packages",
        "onnx"
      ]),
      inChromium({ id: "wllama", title: "wllama, WebGPU", role: "peer" }, "wllama", ["packages"]),
      webLlm
    ],
    prepare: async () => {
      await ensureChromium();
      if (!findChromium()) throw new PeerFailure("there is no Chromium");
      return {};
    }
  }
];
function onlyDriver(driver) {
  const libraries = [dirname(driver), process.env.LD_LIBRARY_PATH].filter(Boolean).join(":");
  return {
    VK_DRIVER_FILES: driver,
    GGML_VK_VISIBLE_DEVICES: "0",
    ...existsSync(join(dirname(driver), "libvulkan.so.1")) && { LD_LIBRARY_PATH: libraries }
  };
}
const DRIVER_FOLDERS = ["/etc", "/usr/local/share", "/usr/share"].map((folder) => `${folder}/vulkan/icd.d`);
const LAVAPIPE_FILES = ["lvp_icd.json", "lvp_icd.x86_64.json", "lvp_icd.aarch64.json"];
function lavapipeDriver() {
  const files2 = DRIVER_FOLDERS.flatMap((folder) => LAVAPIPE_FILES.map((file) => join(folder, file)));
  const found = files2.find((file) => existsSync(file));
  if (found === void 0) throw new PeerFailure("lavapipe is not installed (mesa-vulkan-drivers has it)");
  return found;
}
async function swiftshaderDriver() {
  if (!canFetchSwiftshader()) throw new PeerFailure("SwiftShader can be fetched for Linux on x64 only");
  await fetchSwiftshader();
  return join(swiftshaderFolder(), "vk_swiftshader_icd.json");
}
const sceneIds = scenes.map(({ id }) => id);
const peerIds = [
  ...new Set(
    scenes.flatMap(({ entries }) => entries.flatMap(({ id, role }) => role === "baton" ? [] : [id]))
  )
];
const HELP = `
Measured, with the same file and the same prompt for all: prefill of 128 tokens, and greedy decode of one sequence after them, Baton
and its peers in turn, round by round. The peers' packages are installed into bench/peers first. A peer that cannot run is
listed with its reason.

Scenes:
${scenes.map(({ id, title }) => `  ${id}: ${title}`).join("\n")}
Peers for --only: ${peerIds.join(", ")}.

Examples:
  $ npm run -s bench -- peers
  $ npm run -s bench -- peers --scene lavapipe --only onnxruntime --rounds 3
  $ npm run -s bench -- peers --json > peers.json
`;
function addPeers(program, io) {
  program.command("peers").description("Measure Baton beside other engines on the same adapter.").option("--model <model>", "name in the catalogue, path or URL of a GGUF file", catalogue.default).option("--scene <names>", `some of ${sceneIds.join(", ")}, separated by commas`, sceneIds.join(",")).option("--rounds <number>", "how often each is measured", parseNumber("--rounds"), 5).option("--only <names>", "some of the peers, separated by commas").option("--json", "print JSON for machines").option("--quiet", "nothing on stderr but errors and what is installed").addHelpText("after", HELP).action((options) => benchPeers(io, options));
}
async function benchPeers(io, options) {
  const job = checkOptions(options);
  const quiet = options.quiet === true;
  const progress = createProgress(io, quiet);
  const report = await interruptible(
    io,
    (signal) => runPeersJob(job, {
      signal,
      onProgress: progress.report.bind(progress),
      say: (line) => {
        if (!quiet) say(io, line);
      }
    })
  ).finally(() => progress.stop());
  await (options.json ? printJson(io, report) : print(io, describePeers(report)));
}
function checkOptions({ model, scene, rounds, only }) {
  const chosen = chooseNames("--scene", scene, sceneIds);
  const peers = only === void 0 ? peerIds : chooseNames("--only", only, peerIds);
  return {
    model,
    rounds: checkNumber("--rounds", rounds, { min: 1, max: 1e3, integer: true }),
    scenes: scenes.filter(({ id }) => chosen.includes(id)).map((one) => withPeers(one, peers))
  };
}
function withPeers(scene, peers) {
  const entries = scene.entries.filter(({ id, role }) => role === "baton" || peers.includes(id));
  return { ...scene, entries };
}
function chooseNames(option, text2, known) {
  const names = text2.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === void 0) return names;
  throw invalidOption(option, unknown, `some of ${known.join(", ")}, separated by commas`);
}
const WARM_UPS = 1;
async function measureSpeculation(sides, tasks, { rounds, maxTokens, signal, onPair }) {
  const taken = new Map(tasks.map((task) => [task, []]));
  let done = 0;
  onPair(done);
  for (let round2 = -WARM_UPS; round2 < rounds; round2++) {
    for (const [task, list2] of taken) {
      const pair = await samplePair(sides, task, maxTokens, round2 % 2 === 0, signal);
      assertSameTexts(task, pair, sides.auto.adapter.name);
      if (round2 >= 0) list2.push(pair);
      onPair(++done);
    }
  }
  return [...taken].map(([task, list2]) => resultOf(task, list2, sides.auto));
}
async function samplePair({ auto, off }, task, maxTokens, autoFirst, signal) {
  const sample = (runtime) => takeSample(runtime, task, maxTokens, signal);
  if (autoFirst) {
    const first2 = await sample(auto);
    return { auto: first2, off: await sample(off) };
  }
  const first = await sample(off);
  return { auto: await sample(auto), off: first };
}
async function takeSample(runtime, { prompts }, maxTokens, signal) {
  const before = runtime.stats();
  let cpu;
  const onText = () => {
    cpu ??= process.cpuUsage();
  };
  const answers = await Promise.all(
    prompts.map((prompt) => answer(runtime, prompt, maxTokens, signal, onText))
  );
  const { user, system } = process.cpuUsage(cpu);
  const { draftedTokens, acceptedTokens } = runtime.stats();
  const timings = answers.map(({ done }) => done.timings);
  const firstMs = Math.min(...timings.map(({ ttftMs }) => ttftMs ?? Number.POSITIVE_INFINITY));
  return {
    decodeMs: Math.max(...timings.map(({ totalMs: totalMs2 }) => totalMs2)) - firstMs,
    cpuMs: (user + system) / 1e3,
    texts: answers.map(({ text: text2 }) => text2),
    tokens: answers.reduce((sum, { done }) => sum + done.usage.completionTokens, 0),
    drafted: draftedTokens - before.draftedTokens,
    accepted: acceptedTokens - before.acceptedTokens
  };
}
async function answer(runtime, prompt, maxTokens, signal, onText) {
  const conversation = runtime.conversation();
  let text2 = "";
  let done;
  try {
    for await (const part of conversation.send(prompt, { temperature: 0, maxTokens, signal })) {
      if (part.type === "done") done = part;
      else {
        onText();
        text2 += part.text;
      }
    }
  } finally {
    conversation.dispose();
  }
  signal.throwIfAborted();
  if (done === void 0) throw new Error("a turn ended without saying so");
  return { text: text2, done };
}
function assertSameTexts({ id }, { auto, off }, device) {
  for (const [index, text2] of off.texts.entries()) {
    const other = auto.texts[index] ?? "";
    if (other === text2) continue;
    const at = [...text2].findIndex((character, place) => [...other][place] !== character);
    throw new DeviceError(
      "gpu-error",
      `With speculation "${device}" answered "${id}" (conversation ${index + 1}) otherwise from character ${at} on, so nothing was measured. Compare the two with precision "exact".`,
      { device, task: id }
    );
  }
}
function resultOf(task, rounds, { tokenizer }) {
  const each = (value) => spread$1(rounds.map(value));
  const speed = each(({ auto, off }) => off.decodeMs / auto.decodeMs);
  const [first] = rounds;
  const texts = first?.off.texts ?? [];
  const repeats = task.prompts.map(
    (prompt, index) => repeatedShare(tokenizer.encode(prompt), tokenizer.encode(texts[index] ?? ""))
  );
  return {
    id: task.id,
    conversations: task.prompts.length,
    completionTokens: first?.off.tokens ?? 0,
    repeated: repeats.reduce((sum, share2) => sum + share2, 0) / repeats.length,
    decodeMs: { auto: each(({ auto }) => auto.decodeMs), off: each(({ off }) => off.decodeMs) },
    speed,
    cpuSpeed: each(({ auto, off }) => off.cpuMs / auto.cpuMs),
    drafted: each(({ auto }) => auto.drafted),
    accepted: each(({ auto }) => auto.accepted),
    bar: task.bar,
    met: speed.median >= task.bar
  };
}
function repeatedShare(prompt, answer2) {
  const runs = (tokens) => tokens.slice(2).map((_, at) => tokens.slice(at, at + 3).join(" "));
  const known = new Set(runs(prompt));
  const own = runs(answer2);
  return own.length === 0 ? 0 : own.filter((run) => known.has(run)).length / own.length;
}
const EDITING_BAR = 1.5;
const NO_LOSS_BAR = 0.97;
const TEXT = "The harbour master opened the office at six in the morning and looked at the board. Three ships were waiting outside: the Marigold with timber, the Anna Petersen with machine parts, and the Swift with nothing but empty barrels. He gave the first berth to the Marigold, because timber takes a whole day to unload. The Anna Petersen was sent to the north quay, where the crane had been repaired the week before. The Swift had to wait until the tide came in again. At noon the wind turned to the west, and the master wrote in his book that two more ships were expected before the evening. He closed the book, drank his coffee, and walked down to the quay to see the crane at work.";
const editing = `Here is a text:

${TEXT}

Repeat the text exactly, but change "Marigold" to "Marguerite".`;
const story = "Write a story about an old lighthouse keeper and a storm.";
const question = "Why is the sky blue during the day and red in the evening?";
const list = "List ten tips for growing tomatoes, with a sentence on each.";
const speculationTasks = [
  { id: "editing", prompts: [editing], bar: EDITING_BAR },
  { id: "story", prompts: [story], bar: NO_LOSS_BAR },
  { id: "question", prompts: [question], bar: NO_LOSS_BAR },
  { id: "list", prompts: [list], bar: NO_LOSS_BAR },
  { id: "four at once", prompts: [editing, story, question, list], bar: NO_LOSS_BAR }
];
function addSpeculation(program, io) {
  const names = speculationTasks.map(({ id }) => id).join(", ");
  const command = program.command("speculation").description("Measure what guessing tokens from the prompt brings, and that the text stays the same.").option("--samples <number>", "rounds: samples of each side of each task", parseNumber("--samples"), 5).option("--tokens <number>", "most tokens of an answer", parseNumber("--tokens"), 96).option("--only <names>", `some of the tasks, separated by commas: ${names}`);
  addModelOptions(command).action(async (options) => {
    const runtime = checkRuntimeOptions(runtimeOptions(options));
    const samples = checkNumber("--samples", options.samples, { min: 1, max: 1e3, integer: true });
    const maxTokens = checkNumber("--tokens", options.tokens, { min: 2, max: 4096, integer: true });
    const tasks = chooseTasks(options.only);
    const progress = createProgress(io, options.quiet === true);
    const total = tasks.length * (samples + WARM_UPS);
    const onPair = (done) => progress.report({ phase: "measure", done, total, unit: "samples", label: "" });
    const onSoftware = (name) => {
      if (options.quiet !== true) say(io, `${name} is a software adapter: everything is slow on it.`);
    };
    const report = await interruptible(
      io,
      (signal) => measure(runtime, tasks, { samples, maxTokens, signal, onPair, onSoftware })
    ).finally(() => progress.stop());
    await (options.json ? printJson(io, report) : print(io, describe(report)));
  });
}
function chooseTasks(only) {
  if (only === void 0) return speculationTasks;
  const wanted = only.split(",").map((name) => name.trim());
  const tasks = speculationTasks.filter(({ id }) => wanted.includes(id));
  if (tasks.length === new Set(wanted).size) return tasks;
  throw invalidOption("--only", only, `some of ${speculationTasks.map(({ id }) => id).join(", ")}`);
}
async function measure(options, tasks, { samples, maxTokens, signal, onPair, onSoftware }) {
  const before = loadAverage();
  const opened = [];
  const open2 = async (speculation) => {
    const runtime = await createRuntime({ ...options, speculation, signal });
    opened.push(runtime);
    return runtime;
  };
  try {
    const [auto, off] = [await open2("auto"), await open2("off")];
    if (auto.adapter.software) onSoftware(auto.adapter.name);
    const rounds = { rounds: samples, maxTokens, signal, onPair };
    const results = await measureSpeculation({ auto, off }, tasks, rounds);
    return {
      benchmark: "speculation",
      takenAt: (/* @__PURE__ */ new Date()).toISOString(),
      machine: describeMachine(),
      loadAverage: [before, loadAverage()],
      adapter: auto.adapter,
      model: auto.model.name,
      precision: options.precision,
      samples,
      maxTokens,
      results
    };
  } finally {
    await Promise.all(opened.map((runtime) => runtime.dispose()));
  }
}
function describe(report) {
  const { adapter, machine, model, precision, samples, maxTokens, results } = report;
  const [before, after] = report.loadAverage.map((load) => load.toFixed(1));
  const head = formatTable([
    ["adapter", `${adapter.name}${adapter.software ? " (software, slow)" : ""}, driver ${adapter.driver}`],
    [
      "versions",
      `Baton ${machine.baton} (${machine.commit ?? "no clone"}), Node ${machine.node}, Dawn ${machine.dawn}`
    ],
    ["machine", `${machine.os}, ${machine.cores} x ${machine.cpu}, load ${before} to ${after}`],
    ["model", `${model}, precision ${precision}`],
    ["samples", `${samples} rounds; greedy answers of at most ${maxTokens} tokens, the same text both ways`]
  ]);
  const rows = results.map(({ id, repeated, decodeMs, speed, cpuSpeed, drafted, accepted, bar, met }) => [
    id,
    `${(100 * repeated).toFixed(0)}%`,
    range(decodeMs.off, 0),
    range(decodeMs.auto, 0),
    range(speed, 2),
    range(cpuSpeed, 2),
    `${accepted.median} of ${drafted.median}`,
    `${bar.toFixed(2)} ${met ? "met" : "missed"}`
  ]);
  const columns = ["", "repeated", "ms off", "ms auto", "speed", "by CPU time", "drafts right", "bar"];
  return `${head}
${formatTable([columns, ...rows])}`;
}
function range({ median, min, max }, digits) {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}
async function runBench(args, io) {
  for (const stream of [io.stdout, io.stderr]) stream.on("error", () => {
  });
  const program = new Command("npm run -s bench --").description("Measures Baton.").helpOption("--help", "print help").showHelpAfterError("(add --help for what there is)").exitOverride().configureOutput({
    writeOut: (text2) => void io.stdout.write(text2),
    writeErr: (text2) => void io.stderr.write(text2)
  });
  addEngine(program, io);
  addShow(program, io);
  addBusyWait(program, io);
  addSpeculation(program, io);
  addPeers(program, io);
  addAgents(program, io);
  addBatching(program, io);
  addHandoff(program, io);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return await fail(error, io, args.includes("--json"));
  }
}
process.exitCode = await runBench(process.argv.slice(2), processIo());
//# sourceMappingURL=bench.js.map
