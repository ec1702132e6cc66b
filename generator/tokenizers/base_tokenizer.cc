#include "generator/tokenizers/base_tokenizer.h"

#include <algorithm>
#include <utility>

#include "common/text/utf8.h"

namespace footnote::generator {

void BaseTokenizer::Prepare(std::string name, Vocabulary vocabulary) {
  name_ = std::move(name);
  tokens_ = std::move(vocabulary.tokens);
  control_ = std::move(vocabulary.control);
  control_.resize(tokens_.size());
  normalizer_ = std::move(vocabulary.normalizer);
  pre_tokenizer_ = std::move(vocabulary.pre_tokenizer);
  decoder_ = std::move(vocabulary.decoder);
  prefix_ = std::move(vocabulary.prefix);
  suffix_ = std::move(vocabulary.suffix);
  bos_ = vocabulary.bos;
  end_of_generation_ = std::move(vocabulary.end_of_generation);

  is_added_.resize(tokens_.size());
  for (AddedToken& token : vocabulary.added) {
    const auto id = static_cast<size_t>(token.id);
    is_added_[id] = true;
    if (!token.normalized) continue;
    // It is found, and decoded, as its normal form ("▁<x>"), and called by its name.
    index_.emplace(names_.emplace_back(std::move(token.text)), token.id);
    token.text = normalizer_.Normalize(names_.back());
    tokens_[id] = token.text;
  }
  pieces_.reserve(tokens_.size());
  for (size_t id = 0; id < tokens_.size(); ++id) {
    // Added tokens are text, even where their characters could be letters for bytes.
    const bool as_it_is = is_added_[id] && decoder_.from_letters();
    pieces_.push_back(as_it_is ? tokens_[id] : decoder_.TextOf(tokens_[id], /*first=*/true));
  }
  index_.reserve(pieces_.size());
  // An ordinary token may spell what a control token is called; the control token is meant.
  for (const bool control : {true, false}) {
    for (size_t id = 0; id < pieces_.size(); ++id) {
      if (control_[id] == control) index_.emplace(pieces_[id], static_cast<TokenId>(id));
    }
  }
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (AddedToken& token : vocabulary.added) {
    (token.normalized ? normalized : raw).push_back(std::move(token));
  }
  added_ = AddedTokens(std::move(raw));
  added_normalized_ = AddedTokens(std::move(normalized));
}

std::vector<TokenId> BaseTokenizer::Encode(std::string_view text,
                                           const TokenizeOptions& options) const {
  std::string replaced;
  if (!IsValidUtf8(text)) {
    replaced = ReplaceInvalidUtf8(text);
    text = replaced;
  }
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 3 + prefix_.size() + suffix_.size());
  if (options.add_special) ids = prefix_;
  for (const AddedTokens::Piece& piece :
       added_.Split(text, options.parse_special, options.content)) {
    if (piece.id >= 0) {
      ids.push_back(piece.id);
      continue;
    }
    const bool first = piece.text.data() == text.data();
    if (options.content.empty() || !added_normalized_.has_control()) {
      EncodeText(piece.text, first, options.parse_special, ids);
      continue;
    }
    // In normalised text it is not known which bytes were content, so it is cut there before.
    const auto begin = static_cast<size_t>(piece.text.data() - text.data());
    size_t done = 0;
    const auto take = [&](size_t end, bool parse_special) {
      end = std::min(end - std::min(end, begin), piece.text.size());
      if (end <= done) return;
      EncodeText(piece.text.substr(done, end - done), first && done == 0, parse_special, ids);
      done = end;
    };
    for (const auto& [content_begin, content_end] : options.content) {
      take(content_begin, options.parse_special);
      take(content_end, false);
    }
    take(text.size(), options.parse_special);
  }
  if (options.add_special) ids.insert(ids.end(), suffix_.begin(), suffix_.end());
  return ids;
}

void BaseTokenizer::EncodeText(std::string_view text, bool first, bool parse_special,
                               std::vector<TokenId>& ids) const {
  std::string normalized;
  if (!normalizer_.empty()) {
    normalized = normalizer_.Normalize(text);
    text = normalized;
  }
  for (const AddedTokens::Piece& piece : added_normalized_.Split(text, parse_special)) {
    if (piece.id >= 0) {
      ids.push_back(piece.id);
      continue;
    }
    const WordList list =
        pre_tokenizer_.Split(piece.text, first && piece.text.data() == text.data());
    EncodeWords(list.words, ids);
  }
}

std::string BaseTokenizer::Decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string out;
  bool first = true;
  for (const TokenId id : ids) {
    if (!IsKnown(id) || (skip_special && IsControl(id))) continue;
    const auto index = static_cast<size_t>(id);
    out += first || !decoder_.first_differs() ? pieces_[index]
                                              : decoder_.TextOf(tokens_[index], /*first=*/false);
    first = false;
  }
  return out;
}

std::string BaseTokenizer::DecodeWhole(std::span<const TokenId> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const TokenId id : ids) {
    if (!IsKnown(id) || (skip_special && IsControl(id))) continue;
    tokens.push_back(tokens_[static_cast<size_t>(id)]);
  }
  return decoder_.Join(std::move(tokens));
}

std::optional<TokenId> BaseTokenizer::Find(std::string_view piece) const {
  const auto found = index_.find(piece);
  return found == index_.end() ? std::nullopt : std::optional<TokenId>(found->second);
}

}  // namespace footnote::generator
