#include "retriever/retriever.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <utility>

#include "common/text/utf8.h"
#include "retriever/stages/stage.h"

namespace footnote::retriever {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxTopK = 1000;
// Of each list, as deep as the published comparison of fusions went.
constexpr size_t kMinDepth = 200;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Stage {
  Status (*run)(Retrieval&);
  double RetrievalTimings::*timing;
};

constexpr Stage kStages[] = {
#define FOOTNOTE_STAGE(name, timing) {&Run##name##Stage, &RetrievalTimings::timing},
#include "retriever/stages/stages.def"
#undef FOOTNOTE_STAGE
};

Status WrongEmbedder(const std::string& corpus, const records::EmbedderRecord& made_with,
                     const Embedder& embedder) {
  return FailedPreconditionError("the corpus \"" + corpus + "\" was made with the embedder " +
                                 made_with.name() + " (" + made_with.sha256().substr(0, 12) +
                                 "), not with " + embedder.name() + " (" +
                                 embedder.model_sha256().substr(0, 12) + "): use `--embedder " +
                                 (made_with.path().empty() ? made_with.name() : made_with.path()) +
                                 "`, or change the corpus with `footnote corpus reembed`");
}

constexpr struct {
  const char* name;
  Ablation part;
} kAblations[] = {{"bm25f", kWithoutFields},
                  {"phrases", kWithoutPhrases},
                  {"abbreviations", kWithoutAbbreviations},
                  {"spelling", kWithoutSpelling},
                  {"identifiers", kWithoutIdentifiers},
                  {"conversation", kWithoutConversation},
                  {"titles", kWithoutTitles},
                  {"sentences", kWithoutSentences},
                  {"naming", kWithoutNaming},
                  {"neighbours", kWithoutNeighbours},
                  {"joining", kWithoutJoining},
                  {"front", kWithoutFront}};

class LocalRetriever : public RetrievalBackend {
 public:
  LocalRetriever(std::shared_ptr<LocalCorpus> corpus, const Embedder* embedder,
                 const Reranking& reranking)
      : corpus_(std::move(corpus)), embedder_(embedder), reranking_(reranking) {}

  StatusOr<RetrievalResult> Retrieve(const RetrievalRequest& request,
                                     const CallContext& call) override {
    const Clock::time_point start = Clock::now();
    RetrievalRequest clean = request;
    clean.query = ReplaceInvalidUtf8(request.query);
    clean.stand_alone_query = ReplaceInvalidUtf8(request.stand_alone_query);
    for (ConversationTurn& turn : clean.history) turn.content = ReplaceInvalidUtf8(turn.content);
    FOOTNOTE_RETURN_IF_ERROR(Check(clean));
    Retrieval retrieval{*corpus_, *embedder_, clean, call, reranking_};
    Status status;
    for (int attempt = 0; attempt < LocalCorpus::kAttempts; ++attempt) {
      FOOTNOTE_ASSIGN_OR_RETURN(
          retrieval.snapshot,
          Now(attempt == 0 ? corpus_->Now() : corpus_->NowLoaded(call.deadline())));
      retrieval.relevance.clear();
      status = RunComplete(retrieval);
      if (status.code() != StatusCode::kAborted) break;
    }
    FOOTNOTE_RETURN_IF_ERROR(status);
    retrieval.result.asked = retrieval.question;
    retrieval.result.generation = retrieval.snapshot.view->generation.number();
    retrieval.result.timings.total_ms = MillisecondsSince(start);
    return std::move(retrieval.result);
  }

 private:
  // The newest generation with this embedder's vectors. When the corpus has gone over to another,
  // the last one of before, which is kept for a while, with the access lists of now: whoever holds
  // this retriever opens the corpus anew for the next request.
  StatusOr<LocalCorpus::Snapshot> Now(StatusOr<LocalCorpus::Snapshot> newest) {
    FOOTNOTE_ASSIGN_OR_RETURN(LocalCorpus::Snapshot now, std::move(newest));
    const std::lock_guard lock(mutex_);
    if (now.view->embedder.sha256() == embedder_->model_sha256()) {
      last_view_ = now.view;
      last_store_ = now.store;
      last_postings_ = now.postings;
      return now;
    }
    if (last_view_ == nullptr)
      return WrongEmbedder(corpus_->name(), now.view->embedder, *embedder_);
    return LocalCorpus::Snapshot{last_view_, now.access, last_store_, nullptr, last_postings_};
  }

  Status Check(const RetrievalRequest& request) const {
    if (request.query.find_first_not_of(" \t\r\n") == std::string::npos) {
      return InvalidArgumentError("the query is empty");
    }
    if (request.top_k < 1 || request.top_k > kMaxTopK) {
      return InvalidArgumentError("top_k is " + std::to_string(request.top_k) +
                                  "; it may be 1 to " + std::to_string(kMaxTopK));
    }
    // Not a number is in no range.
    if (!(request.diversity >= 0 && request.diversity <= 1)) {
      char value[32];
      std::snprintf(value, sizeof value, "%g", request.diversity);
      return InvalidArgumentError("diversity is " + std::string(value) +
                                  "; it may be 0 (relevance alone) to 1");
    }
    for (const std::string& principal : request.asker.principals) {
      FOOTNOTE_RETURN_IF_ERROR(CheckPrincipal(principal));
    }
    if (request.rerank.value_or(false) && reranking_.reranker == nullptr) {
      return FailedPreconditionError(
          "the request asks for reranking, and no reranker is loaded: start with --reranker PATH, "
          "or leave `rerank` out");
    }
    return OkStatus();
  }

  // Runs the stages, and again with longer lists while those left out of the lists could still
  // fill the answer: min(top_k, what is visible) passages, whatever diversify took away.
  static Status RunComplete(Retrieval& retrieval) {
    const auto wanted = static_cast<size_t>(retrieval.request.top_k);
    retrieval.depth = std::max(kMinDepth, wanted);
    for (;;) {
      FOOTNOTE_RETURN_IF_ERROR(RunStages(retrieval));
      const bool full = retrieval.distinct >= wanted;
      // Neither list was cut off, so longer ones would hold nothing more.
      const bool exhausted =
          retrieval.dense.size() < retrieval.depth && retrieval.lexical.size() < retrieval.depth;
      if (full || exhausted) return OkStatus();
      retrieval.depth *= 4;
    }
  }

  static Status RunStages(Retrieval& retrieval) {
    for (const Stage& stage : kStages) {
      FOOTNOTE_RETURN_IF_ERROR(retrieval.call.Check());
      const Clock::time_point start = Clock::now();
      const Status status = stage.run(retrieval);
      retrieval.result.timings.*stage.timing += MillisecondsSince(start);
      FOOTNOTE_RETURN_IF_ERROR(status);
    }
    return OkStatus();
  }

  std::shared_ptr<LocalCorpus> corpus_;
  const Embedder* embedder_;
  const Reranking reranking_;
  std::mutex mutex_;  // guards what follows
  std::shared_ptr<const GenerationView> last_view_;
  std::shared_ptr<const ChunkStore> last_store_;
  std::shared_ptr<PostingsCache> last_postings_;
};

}  // namespace

StatusOr<uint32_t> ParseAblations(const std::string& names) {
  uint32_t off = 0;
  for (size_t at = 0; at < names.size();) {
    const size_t end = std::min(names.find(',', at), names.size());
    const std::string name = names.substr(at, end - at);
    uint32_t bit = 0;
    std::string known;
    for (const auto& [one, part] : kAblations) {
      if (name == one) bit = part;
      known += (known.empty() ? "" : ", ") + std::string(one);
    }
    if (bit == 0) {
      return InvalidArgumentError("there is no part of retrieval \"" + name +
                                  "\" to leave out; there are " + known);
    }
    off |= bit;
    at = end + 1;
  }
  return off;
}

StatusOr<std::unique_ptr<RetrievalBackend>> MakeLocalRetriever(std::shared_ptr<Corpus> corpus,
                                                               const Embedder* embedder,
                                                               const Reranking& reranking) {
  if (reranking.depth < 1 || reranking.depth > kMaxRerankDepth) {
    return InvalidArgumentError("the reranker's depth is " + std::to_string(reranking.depth) +
                                "; it may be 1 to " + std::to_string(kMaxRerankDepth));
  }
  std::shared_ptr<LocalCorpus> local = std::dynamic_pointer_cast<LocalCorpus>(std::move(corpus));
  if (local == nullptr) return InvalidArgumentError("the corpus is not one that Corpus::Open gave");
  FOOTNOTE_ASSIGN_OR_RETURN(const LocalCorpus::Snapshot now, local->Now());
  const records::EmbedderRecord& made_with = now.view->embedder;
  if (embedder->model_sha256() != made_with.sha256() ||
      embedder->width() != static_cast<int>(made_with.width())) {
    return WrongEmbedder(local->name(), made_with, *embedder);
  }
  return std::unique_ptr<RetrievalBackend>(
      std::make_unique<LocalRetriever>(std::move(local), embedder, reranking));
}

}  // namespace footnote::retriever
