"""A Streamlit component that shows an HTML document in its full height.

`st.iframe` measures the height with a script in the document. The grader's report forbids scripts,
because it contains texts of submissions.
"""

import streamlit as st

_component = st.components.v2.component(
    "mt_app.document_frame",
    # The title until the script runs.
    html='<div><iframe sandbox="allow-same-origin" title="Document"></iframe></div>',
    css="iframe { display: block; width: 100%; border: 0; }",
    js="""
export default function ({ data, parentElement }) {
  const frame = parentElement.querySelector("iframe");
  frame.title = data.title;
  const fit = () => {
    const root = frame.contentDocument?.documentElement;
    if (!root) return;
    frame.style.height = "0";
    frame.style.height = `${root.scrollHeight}px`;
  };
  if (frame.srcdoc !== data.document) {
    frame.onload = () => {
      fit();
      // An opened or closed part changes the height. The event does not bubble.
      frame.contentDocument.addEventListener("toggle", fit, true);
    };
    frame.srcdoc = data.document;
  }
  let width = 0;
  const observer = new ResizeObserver(([entry]) => {
    if (entry.contentRect.width === width) return;
    width = entry.contentRect.width;
    fit();
  });
  observer.observe(frame.parentElement);
  return () => observer.disconnect();
}
""",
)


def document_frame(document: str, title: str, key: str) -> None:
    """Show a document without a scroll bar of its own. Scripts in it do not run.

    Args:
        document: The HTML.
        title: The description for screen readers.
        key: The unique key of the component.
    """
    _component(data={"document": document, "title": title}, key=key)
