#include "server/http_site.h"

#include <algorithm>
#include <array>

#include "server/http_assets.h"

namespace footnote::server {
namespace {

std::string_view ContentTypeOf(std::string_view name) {
  struct Known {
    std::string_view suffix, type;
  };
  constexpr std::array kKnown = {
      Known{".html", "text/html; charset=utf-8"},
      Known{".js", "text/javascript; charset=utf-8"},
      Known{".css", "text/css; charset=utf-8"},
      Known{".svg", "image/svg+xml"},
      Known{".png", "image/png"},
      Known{".ico", "image/x-icon"},
      Known{".woff2", "font/woff2"},
      Known{".json", "application/json"},
      Known{".txt", "text/plain; charset=utf-8"},
  };
  for (const Known& known : kKnown) {
    if (name.ends_with(known.suffix)) return known.type;
  }
  return "application/octet-stream";
}

HttpReply TextReply(int status, std::string_view text) {
  HttpReply reply;
  reply.status = status;
  reply.content_type = "text/plain; charset=utf-8";
  reply.body = text;
  return reply;
}

HttpReply AssetReply(const HttpRequest& head, const HttpAsset& asset) {
  HttpReply reply;
  reply.content_type = ContentTypeOf(asset.name);
  // Kept by the browser and asked about each time: a new binary shows its own page at once.
  reply.cache_control = "no-cache";
  const std::string etag = Quoted(asset.sha256.substr(0, 32));
  reply.headers.emplace_back("ETag", etag);
  if (head.Header("if-none-match").find(etag) != std::string_view::npos) {
    reply.status = 304;
    reply.content_type.clear();
  } else {
    reply.body = asset.bytes;
  }
  return reply;
}

// Gauges may take the locks of what they measure, so the page is not made on the I/O thread.
class MetricsCall final : public HttpCall {
 public:
  explicit MetricsCall(Metrics& metrics) : metrics_(metrics) {}
  Needs needs() const override { return {}; }
  Status Accept(std::string) override { return OkStatus(); }
  void Run(const CallContext&, HttpResponder& responder) override {
    HttpReply reply = TextReply(200, metrics_.Text());
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    responder.Send(std::move(reply));
  }
  void Refused(StatusCode) override {}

 private:
  Metrics& metrics_;
};

}  // namespace

HttpReply MethodNotAllowed(const HttpRequest& head, const std::string& allow) {
  HttpReply reply = ErrorReply(
      UnimplementedError(head.path + " does not allow " + head.method + "; it allows " + allow),
      405);
  reply.headers.emplace_back("Allow", allow);
  return reply;
}

std::optional<HttpPlan> ServeSite(const HttpRequest& head, Metrics& metrics,
                                  const std::function<bool()>& ready) {
  const std::string_view name =
      head.path == "/" ? "index.html" : std::string_view(head.path).substr(1);
  const auto assets = HttpAssets();
  const auto asset = std::find_if(assets.begin(), assets.end(),
                                  [&](const HttpAsset& each) { return each.name == name; });
  const bool known =
      asset != assets.end() || name == "healthz" || name == "readyz" || name == "metrics";
  if (!known) return std::nullopt;
  if (name == "metrics") {
    if (head.method != "GET") return MethodNotAllowed(head, "GET");
    return std::make_shared<MetricsCall>(metrics);
  }
  if (head.method != "GET" && head.method != "HEAD") return MethodNotAllowed(head, "GET, HEAD");
  if (name == "healthz") return TextReply(200, "ok\n");
  if (name == "readyz") {
    return ready && !ready() ? TextReply(503, "not ready\n") : TextReply(200, "ready\n");
  }
  return AssetReply(head, *asset);
}

}  // namespace footnote::server
