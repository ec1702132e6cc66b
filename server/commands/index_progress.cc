#include "server/commands/index_progress.h"

#include <cmath>
#include <cstdio>

#include "server/answer_json.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;

// One write, so that lines of two threads do not mix.
void PrintLine(const Json& event) {
  const std::string line = Dump(event) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

// The end of a long document id, which tells more than its beginning.
std::string Shortened(const std::string& id) {
  constexpr size_t kLongest = 40;
  if (id.size() <= kLongest) return id;
  size_t from = id.size() - kLongest;
  while (from < id.size() && (static_cast<unsigned char>(id[from]) & 0xC0) == 0x80) ++from;
  return "…" + id.substr(from);
}

}  // namespace

StatusOr<ProgressStyle> ParseProgressStyle(const std::string& name) {
  if (name == "bar") return ProgressStyle::kBar;
  if (name == "json") return ProgressStyle::kJson;
  if (name == "none") return ProgressStyle::kNone;
  return InvalidArgumentError("the progress \"" + name + "\" is not known: use bar, json or none");
}

IndexProgressDisplay::IndexProgressDisplay(std::string corpus, ProgressStyle style)
    : corpus_(std::move(corpus)), style_(style), start_(std::chrono::steady_clock::now()) {}

void IndexProgressDisplay::Show(const indexer::IndexProgress& progress) {
  if (style_ == ProgressStyle::kNone) return;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double rate = seconds > 0 ? static_cast<double>(progress.chunks_done) / seconds : 0;
  if (style_ == ProgressStyle::kBar) {
    std::string detail = WithThousands(progress.documents_done) + " documents, " +
                         WithThousands(progress.chunks_done) + " chunks";
    if (progress.chunks_done > 0) detail += " (" + WithThousands(std::lround(rate)) + "/s)";
    if (progress.failed > 0) detail += ", " + WithThousands(progress.failed) + " failed";
    if (progress.generation > generation_) detail += ", searchable";
    if (!progress.document.empty()) detail += "  " + Shortened(progress.document);
    bar_.Show(corpus_ + ": " + progress.phase, progress.share, detail);
    return;
  }
  Json event = {{"event", "progress"},        {"corpus", corpus_},
                {"phase", progress.phase},    {"documents", progress.documents_done},
                {"documents_total", nullptr}, {"chunks", progress.chunks_done},
                {"chunks_total", nullptr},    {"failed", progress.failed},
                {"share", progress.share},    {"chunks_per_s", rate},
                {"eta_s", nullptr},           {"document", nullptr}};
  if (progress.documents_total > 0) event["documents_total"] = progress.documents_total;
  if (progress.chunks_total > 0) {
    event["chunks_total"] = progress.chunks_total;
    if (rate > 0) {
      event["eta_s"] = static_cast<double>(progress.chunks_total - progress.chunks_done) / rate;
    }
  }
  if (!progress.document.empty()) event["document"] = progress.document;
  PrintLine(event);
  if (progress.generation > generation_) {
    generation_ = progress.generation;
    PrintLine({{"event", "generation"}, {"corpus", corpus_}, {"generation", generation_}});
  }
}

void IndexProgressDisplay::ShowFailure(const indexer::IndexFailure& failure) {
  if (style_ != ProgressStyle::kJson) return;
  PrintLine({{"event", "failure"}, {"source", failure.source}, {"error", failure.error}});
}

void IndexProgressDisplay::Done() { bar_.Done(); }

}  // namespace footnote::server
