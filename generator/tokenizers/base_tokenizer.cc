#include "generator/tokenizers/base_tokenizer.h"

#include <algorithm>
#include <utility>

#include "common/text/utf8.h"

namespace footnote::generator {

void BaseTokenizer::Prepare(std::string name, const Vocabulary& vocabulary,
                            std::vector<std::string> pieces) {
  name_ = std::move(name);
  pieces_ = std::move(pieces);
  control_ = vocabulary.control;
  control_.resize(pieces_.size());
  prefix_ = vocabulary.prefix;
  suffix_ = vocabulary.suffix;
  bos_ = vocabulary.bos;
  end_of_generation_ = vocabulary.end_of_generation;

  index_.reserve(pieces_.size());
  // An ordinary token may spell what a control token is called; the control token is meant.
  for (const bool control : {true, false}) {
    for (size_t id = 0; id < pieces_.size(); ++id) {
      if (control_[id] == control) index_.emplace(pieces_[id], static_cast<TokenId>(id));
    }
  }
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (AddedToken token : vocabulary.added) {
    if (token.normalized && normalizes()) {
      token.text = Normalize(token.text);
      normalized.push_back(std::move(token));
    } else if (token.normalized) {
      normalized.push_back(std::move(token));
    } else {
      raw.push_back(std::move(token));
    }
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
  const auto encode = [&](std::string_view plain, bool parse_special) {
    std::string normalized;
    if (normalizes()) {
      normalized = Normalize(plain);
      plain = normalized;
    }
    for (const AddedTokens::Piece& part : added_normalized_.Split(plain, parse_special)) {
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else {
        EncodeText(part.text, ids);
      }
    }
  };
  for (const AddedTokens::Piece& piece :
       added_.Split(text, options.parse_special, options.content)) {
    if (piece.id >= 0) {
      ids.push_back(piece.id);
    } else if (options.content.empty() || !added_normalized_.has_control()) {
      encode(piece.text, options.parse_special);
    } else {
      // In normalised text it is not known which bytes were content, so it is cut there before.
      const auto begin = static_cast<size_t>(piece.text.data() - text.data());
      size_t done = 0;
      const auto take = [&](size_t end, bool parse_special) {
        end = std::min(end - std::min(end, begin), piece.text.size());
        if (end <= done) return;
        encode(piece.text.substr(done, end - done), parse_special);
        done = end;
      };
      for (const auto& [first, second] : options.content) {
        take(first, options.parse_special);
        take(second, false);
      }
      take(text.size(), options.parse_special);
    }
  }
  if (options.add_special) ids.insert(ids.end(), suffix_.begin(), suffix_.end());
  return ids;
}

std::string BaseTokenizer::Decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string out;
  bool first = true;
  for (const TokenId id : ids) {
    if (!IsKnown(id) || (skip_special && IsControl(id))) continue;
    AppendPiece(id, first, out);
    first = false;
  }
  return out;
}

std::optional<TokenId> BaseTokenizer::Find(std::string_view piece) const {
  const auto found = index_.find(piece);
  return found == index_.end() ? std::nullopt : std::optional<TokenId>(found->second);
}

}  // namespace footnote::generator
