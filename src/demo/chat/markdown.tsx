import createPurifier from "dompurify";
import { marked } from "marked";
import { useMemo } from "preact/hooks";

/** What a model wrote, as Markdown. It is untrusted: no scripts, styles, forms or pictures, which would be fetched from anywhere. */
const ALLOWED = {
  ALLOWED_TAGS: [
    ...["p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "del", "code", "pre", "blockquote"],
    ...["ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a"],
  ],
  ALLOWED_ATTR: ["href", "start", "align"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
};

export function Markdown({ text }: { readonly text: string }) {
  const html = useMemo(() => sanitised(text), [text]);
  // It was sanitised.
  return <div class="markdown" dangerouslySetInnerHTML={{ __html: html }} />;
}

function sanitised(text: string): string {
  const html = marked.parse(text, { async: false, gfm: true, breaks: true });
  // The page's own headings go down to the second level.
  const lowered = html.replaceAll(/<(\/?)h[12]\b/g, "<$1h3");
  const fragment = createPurifier(window).sanitize(lowered, { ...ALLOWED, RETURN_DOM_FRAGMENT: true });
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  for (const block of fragment.querySelectorAll("pre")) block.tabIndex = 0;
  const into = document.createElement("div");
  into.append(fragment);
  return into.innerHTML;
}
