// A CorpusWriter in memory, which tells what was asked of it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "retriever/corpus_writer.h"

namespace footnote::indexer {

class MemoryWriter : public retriever::CorpusWriter {
 public:
  struct Stored {
    retriever::IndexedDocument document;
    std::string fingerprint;
  };

  StatusOr<std::optional<retriever::DocumentState>> Lookup(const std::string& id) override {
    const auto found = documents.find(id);
    if (found == documents.end()) return std::optional<retriever::DocumentState>();
    retriever::DocumentState state;
    state.version = found->second.document.document.version;
    state.fingerprint = found->second.fingerprint;
    state.embedded = !found->second.document.vectors.empty();
    state.chunks = static_cast<int64_t>(found->second.document.chunks.size());
    state.given_access = retriever::DigestOf(found->second.document.document.access);
    return std::optional(state);
  }
  StatusOr<std::vector<std::string>> DocumentIds() override {
    std::vector<std::string> ids;
    for (const auto& [id, stored] : documents) ids.push_back(id);
    return ids;
  }
  Status Put(const retriever::IndexedDocument& document, const std::string& fingerprint) override {
    if (on_put) FOOTNOTE_RETURN_IF_ERROR(on_put(document));
    ++puts;
    documents[document.document.id] = {document, fingerprint};
    return OkStatus();
  }
  StatusOr<std::vector<std::string>> Unembedded() override {
    std::vector<std::string> ids;
    for (const auto& [id, stored] : documents) {
      if (stored.document.vectors.empty()) ids.push_back(id);
    }
    return ids;
  }
  StatusOr<retriever::UnembeddedDocument> ReadUnembedded(const std::string& id) override {
    const auto found = documents.find(id);
    if (found == documents.end() || !found->second.document.vectors.empty()) {
      return NotFoundError("\"" + id + "\" does not wait");
    }
    retriever::UnembeddedDocument waiting;
    waiting.id = id;
    for (const retriever::Chunk& chunk : found->second.document.chunks) {
      waiting.texts.push_back(chunk.embedded_text);
      waiting.contexts.push_back(chunk.embedded_text.size() - chunk.span.size());
      waiting.tokens += chunk.tokens;
    }
    return waiting;
  }
  using CorpusWriter::PutVectors;
  Status PutVectors(const std::string& id, std::span<const float> vectors,
                    std::span<const retriever::ChunkSentences> sentences) override {
    documents.at(id).document.vectors.assign(vectors.begin(), vectors.end());
    documents.at(id).document.sentences.assign(sentences.begin(), sentences.end());
    return OkStatus();
  }
  Status Delete(const std::string& id) override {
    documents.erase(id);
    return OkStatus();
  }
  Status SetAccess(const std::string& id, const retriever::AccessList& access) override {
    access_changes.emplace_back(id, access);
    return OkStatus();
  }
  Status GiveAccess(std::span<const retriever::AccessChange> changes) override {
    for (const retriever::AccessChange& change : changes) {
      access_changes.emplace_back(change.document_id, change.access);
      const auto found = documents.find(change.document_id);
      if (found != documents.end()) found->second.document.document.access = change.access;
    }
    return OkStatus();
  }
  StatusOr<std::optional<std::string>> NoteOf(const std::string& file) override {
    const auto found = notes.find(file);
    if (found == notes.end()) return std::optional<std::string>();
    return std::optional(found->second);
  }
  Status PutNotes(std::span<const retriever::FileNote> added) override {
    for (const retriever::FileNote& note : added) notes[note.file] = note.note;
    return OkStatus();
  }
  StatusOr<uint64_t> Publish() override {
    if (on_publish) on_publish();
    return ++generation;
  }
  StatusOr<uint64_t> CurrentGeneration() override { return generation; }
  std::string StemmerLanguage() const override { return "english"; }

  std::map<std::string, Stored> documents;
  std::vector<std::pair<std::string, retriever::AccessList>> access_changes;
  std::map<std::string, std::string> notes;
  std::function<Status(const retriever::IndexedDocument&)> on_put;
  std::function<void()> on_publish;
  int puts = 0;
  uint64_t generation = 0;
};

}  // namespace footnote::indexer
