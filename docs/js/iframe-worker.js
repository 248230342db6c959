// The search of the site runs in a worker, which browsers refuse to a page that was opened from a folder (file:). There
// a hidden frame takes the worker's place: it runs the same script, and messages pass between the two as events. The
// name IFrameWorker is what the theme's script asks for; "iframe-worker" in the name of this file is what keeps its
// plugin "offline" from loading one from elsewhere.
if (location.protocol === "file:") {
  window.IFrameWorker = class IFrameWorker extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      this.scope = frame.contentWindow;
      this.scope.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = frame.contentDocument.createElement("script");
      script.src = url;
      this.ready = new Promise((resolve, reject) => {
        script.onload = resolve;
        script.onerror = reject;
      });
      frame.contentDocument.body.append(script);
    }

    async postMessage(data) {
      await this.ready;
      this.scope.dispatchEvent(new this.scope.MessageEvent("message", { data }));
    }
  };
  window.Worker = window.IFrameWorker;
}
