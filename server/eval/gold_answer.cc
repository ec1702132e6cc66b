#include "server/eval/gold_answer.h"

namespace footnote::server {
namespace {

template <typename Value>
Value Of(const std::map<std::string, Value>& values, const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? Value() : found->second;
}

// The byte at which each character begins, and the end.
std::vector<uint64_t> CharacterStarts(std::string_view text) {
  std::vector<uint64_t> starts;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) != 0x80) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

}  // namespace

StatusOr<GoldAnswer> ReadGoldAnswer(const EvalSet& set, const std::string& query_id,
                                    retriever::Corpus& corpus) {
  GoldAnswer gold;
  const auto answerable = set.answerable.find(query_id);
  gold.answerable = answerable == set.answerable.end() || answerable->second;
  gold.answers = Of(set.answers, query_id);
  gold.evidence_texts = Of(set.evidence_texts, query_id);
  const auto text_of = [&](const std::string& id) -> StatusOr<std::string> {
    StatusOr<retriever::Document> document = corpus.GetDocumentAsOwner(id);
    if (document.ok()) return std::move(document->text);
    if (document.status().code() == StatusCode::kNotFound) return std::string();
    return document.status();
  };
  for (const EvidenceSpan& span : Of(set.evidence, query_id)) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, text_of(span.document_id));
    const std::vector<uint64_t> starts = CharacterStarts(text);
    if (span.start >= span.end || span.end >= starts.size()) continue;
    const ByteSpan bytes = {starts[span.start], starts[span.end]};
    gold.evidence[span.document_id].push_back(bytes);
    gold.evidence_texts.push_back(text.substr(bytes.start, bytes.size()));
  }
  for (const std::string& id : Of(set.evidence_documents, query_id)) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::string text, text_of(id));
    if (!text.empty()) gold.documents.push_back(std::move(text));
  }
  return gold;
}

}  // namespace footnote::server
