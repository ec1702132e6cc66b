#include "indexer/indexer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "indexer/chunking/chunker.h"
#include "indexer/pipeline/access_rules.h"
#include "indexer/pipeline/discover.h"
#include "indexer/pipeline/embed_writer.h"
#include "indexer/pipeline/reader.h"
#include "indexer/pipeline/run_state.h"
#include "indexer/pipeline/work_queue.h"

namespace footnote::indexer {
namespace {

using Clock = std::chrono::steady_clock;

// Parsed documents that wait for the embedder: enough to keep it busy, little beside the weights.
constexpr uint64_t kQueueBytes = 32 << 20;
// The same where what the queue does not take is written without vectors: half a minute's work on
// two cores, for which writing twice does not pay.
constexpr uint64_t kQueueBytesBeforeSpilling = 4 << 20;

// Of the memory that is left for the work, the parts that each of these may take. A document is in
// memory several times while it is parsed, cut, stored and waits for its vectors: at most some
// eighty times its text in all, its sentences' vectors among it.
constexpr uint64_t kDocumentPart = 96;
constexpr uint64_t kQueuePart = 16;
constexpr uint64_t kReusePart = 32;
constexpr uint64_t kMostReuseBytes = 64 << 20;

SizeLimit LimitFor(const MemoryBound& memory) {
  SizeLimit limit;
  if (!memory.exists() || memory.left_bytes() / kDocumentPart >= limit.bytes) return limit;
  const std::string enough = ByteSizeText(memory.held_bytes + limit.bytes * kDocumentPart);
  limit.remedy += ", or give --memory " + enough + ", with which it is " +
                  std::to_string(limit.bytes >> 20) + " MB";
  limit.bytes = memory.left_bytes() / kDocumentPart;
  limit.why += " with --memory " + ByteSizeText(memory.total_bytes);
  return limit;
}

uint64_t QueueBytes(const IndexOptions& options) {
  const uint64_t wanted = options.words_first ? kQueueBytesBeforeSpilling : kQueueBytes;
  return options.memory.exists() ? std::min(wanted, options.memory.left_bytes() / kQueuePart)
                                 : wanted;
}

uint64_t ReuseBytes(const MemoryBound& memory) {
  return memory.exists() ? std::min(kMostReuseBytes, memory.left_bytes() / kReusePart)
                         : kMostReuseBytes;
}

// Calls back at most five times a second, and always for a new phase.
class ProgressReporter {
 public:
  explicit ProgressReporter(const std::function<void(const IndexProgress&)>& callback)
      : callback_(callback) {}

  void Report(const IndexProgress& progress) {
    constexpr auto kPause = std::chrono::milliseconds(200);
    const Clock::time_point now = Clock::now();
    if (!callback_ || (progress.phase == phase_ && now - last_ < kPause)) return;
    phase_ = progress.phase;
    last_ = now;
    callback_(progress);
  }

 private:
  const std::function<void(const IndexProgress&)>& callback_;
  std::string phase_;
  Clock::time_point last_;
};

// Deletes what the sources no longer hold. Returns how many.
StatusOr<int64_t> Prune(const Reader& reader, SharedWriter& writer, FailureList& failures) {
  if (reader.seen_is_incomplete()) {
    failures.Add("--prune", FailedPreconditionError(
                                "nothing was deleted, since some of the sources could not be read "
                                "and may hold what would have been; repair them and run again"));
    return 0;
  }
  return writer.With([&](retriever::CorpusWriter& corpus) -> StatusOr<int64_t> {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> ids, corpus.DocumentIds());
    int64_t deleted = 0;
    for (const std::string& id : ids) {
      if (reader.seen().contains(id)) continue;
      FOOTNOTE_RETURN_IF_ERROR(corpus.Delete(id));
      ++deleted;
    }
    return deleted;
  });
}

// Embeds the documents that the corpus holds without vectors: those that the queue did not take,
// and those that an earlier run left behind.
Status EmbedWaiting(EmbedWriter& embed_writer, SharedWriter& writer, IndexReport& report,
                    const CallContext& call) {
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::vector<std::string> ids,
      writer.With([](retriever::CorpusWriter& corpus) { return corpus.Unembedded(); }));
  if (ids.empty()) return OkStatus();
  embed_writer.PublishAsItGrows();
  for (const std::string& id : ids) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    StatusOr<retriever::UnembeddedDocument> waiting =
        writer.With([&](retriever::CorpusWriter& corpus) { return corpus.ReadUnembedded(id); });
    if (waiting.status().code() == StatusCode::kNotFound) continue;  // deleted meanwhile
    FOOTNOTE_RETURN_IF_ERROR(waiting.status());
    FOOTNOTE_RETURN_IF_ERROR(embed_writer.Add(*std::move(waiting), report));
  }
  return OkStatus();
}

}  // namespace

StatusOr<IndexReport> BuildIndex(const IndexOptions& options, const Embedder& embedder,
                                 retriever::CorpusWriter& corpus_writer,
                                 const std::function<void(const IndexProgress&)>& progress,
                                 const CallContext& call) {
  const Clock::time_point start = Clock::now();
  if (options.shards < 1 || options.shard < 0 || options.shard >= options.shards) {
    return InvalidArgumentError("shard " + std::to_string(options.shard) + " of " +
                                std::to_string(options.shards) + " does not exist");
  }
  ProgressReporter reporter(progress);
  IndexProgress begin;
  begin.phase = "reading";
  reporter.Report(begin);
  AccessRules access;
  if (!options.access_file.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(access, AccessRules::Read(options.access_file));
  }
  ReaderInputs inputs;
  inputs.looked_at_ns =
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  FOOTNOTE_ASSIGN_OR_RETURN(const Discovery discovery, DiscoverFiles(options.sources));
  inputs.keep_notes = options.skip_unchanged_files || options.read_all_files;
  inputs.use_notes = options.skip_unchanged_files && !options.read_all_files;
  inputs.discovery = &discovery;
  inputs.access = &access;
  inputs.embedder = &embedder;
  inputs.profile = &options.profile;
  const int wanted_tokens =
      options.chunk_budget_tokens > 0 ? options.chunk_budget_tokens : options.profile.budget_tokens;
  inputs.budget_tokens = wanted_tokens > 0 ? std::min(wanted_tokens, embedder.max_tokens() - 2)
                                           : DefaultBudgetTokens(embedder);
  if (!options.source_folder.empty()) {
    inputs.source_prefix = (options.source_folder / "").string();
    inputs.shown_prefix = options.shown_source;
  }
  SharedWriter writer(corpus_writer);
  inputs.spill = options.words_first;
  inputs.shard = options.shard;
  inputs.shards = options.shards;
  inputs.limit = LimitFor(options.memory);
  WorkQueue queue(QueueBytes(options));
  RunCounts counts;
  FailureList failures(options.on_failure);
  IndexReport report;
  Reader reader(inputs, writer, queue, counts, failures, call);
  EmbedWriter embed_writer(embedder, writer, failures, options.publish_every_chunks,
                           ReuseBytes(options.memory), call);
  double shown_share = 0;
  std::atomic<uint64_t> words_generation = 0;
  const auto report_progress = [&](const char* phase) {
    IndexProgress now;
    now.phase = phase;
    now.documents_done =
        report.added + report.updated + counts.spilled + counts.unchanged + counts.access_changed;
    now.documents_total = counts.all_read ? counts.read.load() : 0;
    now.chunks_done = report.chunks;
    now.chunks_total = counts.all_read ? counts.chunks_found.load() : 0;
    now.failed = failures.count();
    now.generation = std::max(words_generation.load(), embed_writer.generation());
    now.document = embed_writer.last_document();
    // Reading runs far ahead of embedding, which is what takes the time.
    now.share = now.chunks_total > 0
                    ? static_cast<double>(now.chunks_done) / static_cast<double>(now.chunks_total)
                : counts.chunks_found > 0 ? embed_writer.bytes_share()
                                          : counts.bytes_share.load();
    now.share = shown_share = std::clamp(now.share, shown_share, 1.0);
    reporter.Report(now);
  };
  embed_writer.on_progress = [&] { report_progress("embedding"); };

  Status read_status;
  Status embed_status;
  {
    std::jthread reading([&] {
      read_status = reader.Run();
      if (read_status.ok() && counts.spilled > 0) {
        // All is found by its words from here on.
        const StatusOr<uint64_t> published =
            writer.With([](retriever::CorpusWriter& corpus) { return corpus.Publish(); });
        if (published.ok()) words_generation = *published;
        read_status = published.status();
      }
      queue.Finish();
    });
    constexpr std::chrono::milliseconds kPatience(200);
    Work work;
    while (true) {
      const WorkQueue::Result result = queue.Pop(kPatience, work);
      if (result == WorkQueue::Result::kDone) break;
      if (result == WorkQueue::Result::kNothingYet) {
        report_progress(report.chunks == 0 ? "reading" : "embedding");
        continue;
      }
      if (!embed_status.ok()) continue;  // empties the queue after an error
      embed_status = embed_writer.Add(std::move(work), report);
      if (!embed_status.ok()) queue.Close();
    }
  }
  if (embed_status.ok() && read_status.ok() && call.Check().ok()) {
    embed_status = EmbedWaiting(embed_writer, writer, report, call);
  }
  if (embed_status.ok() && call.Check().ok()) embed_status = embed_writer.Finish(report);
  FOOTNOTE_RETURN_IF_ERROR(embed_status);
  FOOTNOTE_RETURN_IF_ERROR(read_status);
  FOOTNOTE_RETURN_IF_ERROR(call.Check());

  report_progress("publishing");
  report.unchanged = counts.unchanged;
  report.updated += counts.access_changed + counts.spilled_updates;
  report.added += counts.spilled - counts.spilled_updates;
  if (options.prune) {
    FOOTNOTE_ASSIGN_OR_RETURN(report.deleted, Prune(reader, writer, failures));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(report.generation, corpus_writer.Publish());
  report.languages = reader.languages();
  failures.MoveInto(report);
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return report;
}

StatusOr<IndexReport> EmbedAgain(const Embedder& embedder, retriever::CorpusWriter& corpus_writer,
                                 const std::function<void(const IndexProgress&)>& progress,
                                 const CallContext& call, const MemoryBound& memory) {
  const Clock::time_point start = Clock::now();
  ProgressReporter reporter(progress);
  SharedWriter writer(corpus_writer);
  FailureList failures(nullptr);
  IndexReport report;
  EmbedWriter embed_writer(embedder, writer, failures, /*publish_every_chunks=*/0,
                           ReuseBytes(memory), call);
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> all, corpus_writer.DocumentIds());
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> ids, corpus_writer.Unembedded());
  const auto total = static_cast<int64_t>(all.size());
  int64_t done = total - static_cast<int64_t>(ids.size());
  report.unchanged = done;
  IndexProgress now;
  now.documents_total = total;
  const auto show = [&](const char* phase) {
    now.phase = phase;
    now.documents_done = done;
    now.chunks_done = report.chunks;
    now.document = embed_writer.last_document();
    now.share = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
    reporter.Report(now);
  };
  embed_writer.on_progress = [&] { show("embedding"); };
  for (const std::string& id : ids) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    FOOTNOTE_ASSIGN_OR_RETURN(retriever::UnembeddedDocument waiting,
                              corpus_writer.ReadUnembedded(id));
    for (const std::string& text : waiting.texts) {
      if (embedder.CountTokens(text) > embedder.max_tokens() - 2) ++report.truncated;
    }
    FOOTNOTE_RETURN_IF_ERROR(embed_writer.Add(std::move(waiting), report));
    ++done;
  }
  FOOTNOTE_RETURN_IF_ERROR(embed_writer.Finish(report));
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  failures.MoveInto(report);
  // Publishing would only say that vectors are missing, not why.
  if (!report.failures.empty()) {
    return InvalidArgumentError("nothing was swapped in: " + report.failures.front().error);
  }
  show("publishing");
  FOOTNOTE_ASSIGN_OR_RETURN(report.generation, corpus_writer.Publish());
  report.updated = static_cast<int64_t>(ids.size());
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return report;
}

}  // namespace footnote::indexer
