#include "indexer/pipeline/embed_writer.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "common/sha256.h"

#include "indexer/pipeline/sentence_parts.h"

namespace footnote::indexer {
namespace {

// Chunks that are put in order of length before they are cut into batches, so that a batch holds
// texts of one length; enough for that, and little to lose in a crash.
constexpr size_t kWindow = 512;
constexpr size_t kBatch = 64;  // one call of the embedder

PartedText WithSentences(std::string_view text, size_t context_bytes) {
  PartedText parted{text, SentenceParts(text.substr(context_bytes))};
  for (ByteSpan& part : parted.parts) {
    part = {part.start + context_bytes, part.end + context_bytes};
  }
  return parted;
}

// `first`: of the text's parts among all. What the model did not see has no vector, and is left
// out.
retriever::ChunkSentences SentencesOf(const PartedText& text, size_t context_bytes,
                                      const Embeddings& parts, size_t first) {
  retriever::ChunkSentences sentences;
  for (size_t i = 0; i < text.parts.size(); ++i) {
    const std::span<const float> vector = parts.row(first + i);
    float largest = 0;
    for (const float value : vector) largest = std::max(largest, std::fabs(value));
    if (!(largest > 0)) continue;
    sentences.spans.push_back(
        {text.parts[i].start - context_bytes, text.parts[i].end - context_bytes});
    for (const float value : vector) {
      sentences.values.push_back(static_cast<int8_t>(std::lround(value / largest * 127)));
    }
  }
  return sentences;
}

}  // namespace

EmbedWriter::EmbedWriter(const Embedder& embedder, SharedWriter& writer, FailureList& failures,
                         int64_t publish_every_chunks, uint64_t reuse_bytes,
                         const CallContext& call)
    : embedder_(embedder),
      writer_(writer),
      failures_(failures),
      publish_every_chunks_(publish_every_chunks),
      call_(call),
      known_(reuse_bytes, embedder.width()) {}

std::string_view EmbedWriter::Pending::text(size_t chunk) const {
  if (is_waiting) return waiting.texts[chunk];
  const retriever::IndexedDocument& document = work.document;
  const retriever::Chunk& cut = document.chunks[chunk];
  if (!cut.embedded_text.empty()) return cut.embedded_text;
  return std::string_view(document.document.text).substr(cut.span.start, cut.span.size());
}

size_t EmbedWriter::Pending::context_bytes(size_t chunk) const {
  if (is_waiting) return waiting.contexts[chunk];
  const retriever::IndexedDocument& document = work.document;
  const retriever::Chunk& cut = document.chunks[chunk];
  const std::string_view own =
      std::string_view(document.document.text).substr(cut.span.start, cut.span.size());
  if (cut.embedded_text.empty()) return 0;
  if (cut.embedded_text.ends_with(own)) return cut.embedded_text.size() - own.size();
  return cut.embedded_text.size();
}

Status EmbedWriter::Add(Work work, IndexReport& report) {
  Pending pending;
  pending.work = std::move(work);
  const size_t chunks = pending.work.document.chunks.size();
  return Enqueue(std::move(pending), chunks, report);
}

Status EmbedWriter::Add(retriever::UnembeddedDocument waiting, IndexReport& report) {
  Pending pending;
  pending.is_waiting = true;
  pending.waiting = std::move(waiting);
  const size_t chunks = pending.waiting.texts.size();
  return Enqueue(std::move(pending), chunks, report);
}

Status EmbedWriter::Enqueue(Pending pending, size_t chunks, IndexReport& report) {
  pending.missing = chunks;
  pending.vectors.resize(chunks * static_cast<size_t>(embedder_.width()));
  pending.sentences.resize(chunks);
  Pending& kept = pending_.emplace_back(std::move(pending));
  for (size_t i = 0; i < chunks; ++i) slots_.push_back({&kept, i});
  while (slots_.size() >= kWindow) FOOTNOTE_RETURN_IF_ERROR(EmbedSome(kWindow, report));
  return OkStatus();
}

Status EmbedWriter::Finish(IndexReport& report) {
  while (!slots_.empty()) {
    FOOTNOTE_RETURN_IF_ERROR(EmbedSome(std::min(slots_.size(), kWindow), report));
  }
  return WriteDone(report);
}

std::string EmbedWriter::Slot::key() const {
  return Sha256Hex(text()) + "/" + std::to_string(context_bytes());
}

void EmbedWriter::Slot::Take(const TextVectors& vectors) const {
  const std::vector<float>& own = vectors.own;
  std::copy(own.begin(), own.end(),
            pending->vectors.begin() + static_cast<ptrdiff_t>(chunk * own.size()));
  pending->sentences[chunk] = vectors.sentences;
  --pending->missing;
}

void EmbedWriter::Reuse(std::vector<Slot>& window, EqualSlots& equals, IndexReport& report) {
  std::vector<Slot> left;
  for (const Slot& slot : window) {
    const std::string key = slot.key();
    if (const TextVectors* vectors = known_.Get(key); vectors != nullptr) {
      slot.Take(*vectors);
      ++report.chunks_reused;
    } else if (const auto [first, is_new] = equals.try_emplace(key); is_new) {
      left.push_back(slot);
    } else {
      first->second.push_back(slot);
      ++report.chunks_reused;
    }
  }
  window = std::move(left);
}

Status EmbedWriter::EmbedSome(size_t count, IndexReport& report) {
  std::vector<Slot> window(slots_.begin(), slots_.begin() + static_cast<ptrdiff_t>(count));
  slots_.erase(slots_.begin(), slots_.begin() + static_cast<ptrdiff_t>(count));
  EqualSlots equals;
  Reuse(window, equals, report);
  std::stable_sort(window.begin(), window.end(),
                   [](const Slot& a, const Slot& b) { return a.text().size() > b.text().size(); });
  const auto width = static_cast<size_t>(embedder_.width());
  for (size_t begin = 0; begin < window.size(); begin += kBatch) {
    const size_t end = std::min(begin + kBatch, window.size());
    std::vector<PartedText> texts;
    size_t parts = 0;
    for (size_t i = begin; i < end; ++i) {
      texts.push_back(WithSentences(window[i].text(), window[i].context_bytes()));
      parts += texts.back().parts.size();
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const PartedEmbeddings embeddings,
                              embedder_.EmbedParts(texts, TextRole::kPassage, call_));
    if (embeddings.texts.values.size() != texts.size() * width ||
        embeddings.parts.values.size() != parts * width) {
      return InternalError("the embedder gave another number of vectors than it got texts");
    }
    size_t part = 0;
    for (size_t i = begin; i < end; ++i) {
      const Slot& slot = window[i];
      const PartedText& text = texts[i - begin];
      const std::span<const float> row = embeddings.texts.row(i - begin);
      const TextVectors vectors{{row.begin(), row.end()},
                                SentencesOf(text, slot.context_bytes(), embeddings.parts, part)};
      part += text.parts.size();
      const std::string key = slot.key();
      for (const Slot& equal : equals[key]) equal.Take(vectors);
      slot.Take(vectors);
      known_.Put(key, vectors);
    }
    // Documents are written in order; those in front that are done need not wait for the window.
    FOOTNOTE_RETURN_IF_ERROR(WriteDone(report));
    if (on_progress) on_progress();
  }
  return WriteDone(report);
}

Status EmbedWriter::WriteDone(IndexReport& report) {
  while (!pending_.empty() && pending_.front().missing == 0) {
    FOOTNOTE_RETURN_IF_ERROR(Write(pending_.front(), report));
    pending_.pop_front();
  }
  return OkStatus();
}

Status EmbedWriter::Write(Pending& pending, IndexReport& report) {
  Work& work = pending.work;
  Status put;
  int64_t tokens = 0;
  if (pending.is_waiting) {
    put = writer_.With([&](retriever::CorpusWriter& writer) {
      return writer.PutVectors(pending.waiting.id, pending.vectors, pending.sentences);
    });
    last_ = pending.waiting.id;
    tokens = pending.waiting.tokens;
  } else {
    bytes_share_ = work.bytes_share;
    last_ = work.document.document.id;
    for (const retriever::Chunk& chunk : work.document.chunks) tokens += chunk.tokens;
    work.document.vectors = std::move(pending.vectors);
    work.document.sentences = std::move(pending.sentences);
    put = writer_.With([&](retriever::CorpusWriter& writer) {
      return writer.Put(work.document, work.fingerprint);
    });
  }
  if (put.code() == StatusCode::kInvalidArgument) {  // this document's fault, not the run's
    failures_.Add(pending.is_waiting ? last_ : work.document.document.source, put);
    return OkStatus();
  }
  FOOTNOTE_RETURN_IF_ERROR(put);
  const auto chunks = static_cast<int64_t>(pending.is_waiting ? pending.waiting.texts.size()
                                                              : work.document.chunks.size());
  if (!pending.is_waiting) ++(work.is_update ? report.updated : report.added);
  report.chunks += chunks;
  report.tokens += tokens;
  chunks_since_publish_ += chunks;
  return PublishIfDue(report);
}

Status EmbedWriter::PublishIfDue(IndexReport& report) {
  constexpr int64_t kSmallestGrowth = 8192;
  int64_t due = publish_every_chunks_;
  if (due == 0 && grows_) {
    due = std::max(kSmallestGrowth, (report.chunks - chunks_since_publish_) / 2);
  }
  if (due == 0 || chunks_since_publish_ < due) return OkStatus();
  chunks_since_publish_ = 0;
  FOOTNOTE_ASSIGN_OR_RETURN(
      generation_, writer_.With([](retriever::CorpusWriter& writer) { return writer.Publish(); }));
  return OkStatus();
}

}  // namespace footnote::indexer
