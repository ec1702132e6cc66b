#include "generator/tokenizers/added_tokens.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/text/utf8.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator {
namespace {

// Offset of the character before `offset`, which is not 0.
size_t Before(std::string_view text, size_t offset) { return Utf8Floor(text, offset - 1); }

bool IsWordCharacter(char32_t character) { return (ClassOf(character) & kWordClass) != 0; }

bool WordEndsAt(std::string_view text, size_t offset) {
  if (offset == 0) return false;
  size_t at = Before(text, offset);
  return IsWordCharacter(DecodeUtf8(text, at));
}

bool WordBeginsAt(std::string_view text, size_t offset) {
  return offset < text.size() && IsWordCharacter(DecodeUtf8(text, offset));
}

size_t SpaceBefore(std::string_view text, size_t offset, size_t limit) {
  while (offset > limit) {
    const size_t before = Before(text, offset);
    size_t at = before;
    if ((ClassOf(DecodeUtf8(text, at)) & kSpaceClass) == 0) break;
    offset = before;
  }
  return std::max(offset, limit);
}

size_t SpaceAfter(std::string_view text, size_t offset) {
  while (offset < text.size()) {
    size_t next = offset;
    if ((ClassOf(DecodeUtf8(text, next)) & kSpaceClass) == 0) break;
    offset = next;
  }
  return offset;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.text.empty(); });
  std::vector<std::pair<std::string_view, int32_t>> texts;
  texts.reserve(tokens_.size());
  for (const AddedToken& token : tokens_) {
    texts.emplace_back(token.text, static_cast<int32_t>(texts.size()));
  }
  trie_ = ByteTrie(std::move(texts));
}

bool AddedTokens::has_control() const {
  return std::any_of(tokens_.begin(), tokens_.end(),
                     [](const AddedToken& token) { return token.special; });
}

const AddedToken* AddedTokens::LongestAt(std::string_view text, size_t offset, size_t run_end,
                                         bool is_content) const {
  const AddedToken* longest = nullptr;
  trie_.ForEachPrefix(text.substr(offset), [&](size_t length, int32_t index) {
    const AddedToken& token = tokens_[static_cast<size_t>(index)];
    if ((token.special || is_content) && offset + length > run_end) return;
    longest = &token;
  });
  return longest;
}

std::vector<AddedTokens::Piece> AddedTokens::Split(
    std::string_view text, bool parse_special,
    std::span<const std::pair<size_t, size_t>> content) const {
  std::vector<Piece> pieces;
  size_t done = 0;
  for (size_t offset = 0; offset < text.size() && !tokens_.empty();) {
    while (!content.empty() && content.front().second <= offset) content = content.subspan(1);
    // Up to where the text goes on as it is here: as content, or not.
    const bool is_content = !content.empty() && content.front().first <= offset;
    size_t run_end = text.size();
    if (!content.empty()) run_end = is_content ? content.front().second : content.front().first;
    const AddedToken* token = LongestAt(text, offset, run_end, is_content);
    if (token == nullptr) {
      ++offset;
      continue;
    }
    size_t start = offset;
    size_t stop = offset + token->text.size();
    offset = stop;
    if (token->special && (!parse_special || is_content)) continue;
    if (token->single_word && (WordEndsAt(text, start) || WordBeginsAt(text, stop))) continue;
    if (token->lstrip) start = SpaceBefore(text, start, done);
    if (token->rstrip) stop = SpaceAfter(text, stop);
    if (done < start) pieces.push_back({text.substr(done, start - done), -1});
    pieces.push_back({text.substr(start, stop - start), token->id});
    done = stop;
    offset = std::max(offset, stop);
  }
  if (done < text.size()) pieces.push_back({text.substr(done), -1});
  return pieces;
}

}  // namespace footnote::generator
