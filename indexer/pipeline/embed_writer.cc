#include "indexer/pipeline/embed_writer.h"

#include <algorithm>
#include <string_view>

namespace footnote::indexer {
namespace {

// Chunks that are put in order of length before they are cut into batches, so that a batch holds
// texts of one length; enough for that, and little to lose in a crash.
constexpr size_t kWindow = 512;
constexpr size_t kBatch = 64;  // one call of Embed

}  // namespace

EmbedWriter::EmbedWriter(const Embedder& embedder, SharedWriter& writer, FailureList& failures,
                         int64_t publish_every_chunks, const CallContext& call)
    : embedder_(embedder),
      writer_(writer),
      failures_(failures),
      publish_every_chunks_(publish_every_chunks),
      call_(call) {}

Status EmbedWriter::Add(Work work, IndexReport& report) {
  Pending& pending = pending_.emplace_back(Pending{std::move(work), 0});
  retriever::IndexedDocument& document = pending.work.document;
  pending.missing = document.chunks.size();
  document.vectors.resize(pending.missing * static_cast<size_t>(embedder_.width()));
  for (size_t i = 0; i < pending.missing; ++i) slots_.push_back({&pending, i});
  while (slots_.size() >= kWindow) FOOTNOTE_RETURN_IF_ERROR(EmbedSome(kWindow, report));
  return OkStatus();
}

Status EmbedWriter::Finish(IndexReport& report) {
  while (!slots_.empty()) {
    FOOTNOTE_RETURN_IF_ERROR(EmbedSome(std::min(slots_.size(), kWindow), report));
  }
  return WriteDone(report);
}

Status EmbedWriter::EmbedSome(size_t count, IndexReport& report) {
  std::vector<Slot> window(slots_.begin(), slots_.begin() + static_cast<ptrdiff_t>(count));
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<ptrdiff_t>(count));
  const auto text_of = [](const Slot& slot) -> std::string_view {
    const retriever::IndexedDocument& document = slot.pending->work.document;
    const retriever::Chunk& chunk = document.chunks[slot.chunk];
    if (!chunk.embedded_text.empty()) return chunk.embedded_text;
    return std::string_view(document.document.text).substr(chunk.span.start, chunk.span.size());
  };
  std::stable_sort(window.begin(), window.end(), [&](const Slot& a, const Slot& b) {
    return text_of(a).size() > text_of(b).size();
  });
  const auto width = static_cast<size_t>(embedder_.width());
  for (size_t begin = 0; begin < window.size(); begin += kBatch) {
    const size_t end = std::min(begin + kBatch, window.size());
    std::vector<std::string_view> texts;
    for (size_t i = begin; i < end; ++i) texts.push_back(text_of(window[i]));
    FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings embeddings,
                              embedder_.Embed(texts, TextRole::kPassage, call_));
    if (embeddings.values.size() != texts.size() * width) {
      return InternalError("the embedder gave another number of vectors than it got texts");
    }
    for (size_t i = begin; i < end; ++i) {
      const Slot& slot = window[i];
      const std::span<const float> row = embeddings.row(i - begin);
      std::copy(
          row.begin(), row.end(),
          slot.pending->work.document.vectors.begin() + static_cast<ptrdiff_t>(slot.chunk * width));
      --slot.pending->missing;
    }
    // Documents are written in order; those in front that are done need not wait for the window.
    FOOTNOTE_RETURN_IF_ERROR(WriteDone(report));
    if (on_progress) on_progress();
  }
  return OkStatus();
}

Status EmbedWriter::WriteDone(IndexReport& report) {
  while (!pending_.empty() && pending_.front().missing == 0) {
    FOOTNOTE_RETURN_IF_ERROR(Write(pending_.front().work, report));
    pending_.pop_front();
  }
  return OkStatus();
}

Status EmbedWriter::Write(Work& work, IndexReport& report) {
  const retriever::IndexedDocument& document = work.document;
  bytes_share_ = work.bytes_share;
  const Status put = writer_.With(
      [&](retriever::CorpusWriter& writer) { return writer.Put(document, work.fingerprint); });
  if (put.code() == StatusCode::kInvalidArgument) {  // this document's fault, not the run's
    failures_.Add(document.document.source, put);
    return OkStatus();
  }
  FOOTNOTE_RETURN_IF_ERROR(put);
  ++(work.is_update ? report.updated : report.added);
  report.chunks += static_cast<int64_t>(document.chunks.size());
  for (const retriever::Chunk& chunk : document.chunks) report.tokens += chunk.tokens;
  chunks_since_publish_ += static_cast<int64_t>(document.chunks.size());
  if (publish_every_chunks_ > 0 && chunks_since_publish_ >= publish_every_chunks_) {
    chunks_since_publish_ = 0;
    const auto published =
        writer_.With([](retriever::CorpusWriter& writer) { return writer.Publish(); });
    if (!published.ok()) return published.status();
  }
  return OkStatus();
}

}  // namespace footnote::indexer
