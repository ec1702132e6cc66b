#include "generator/tokenizers/sentencepiece_options.h"

#include <utility>

#include "generator/tokenizers/pretokenizer_steps.h"
#include "generator/tokenizers/replace.h"
#include "generator/weights/byte_cursor.h"

namespace footnote::generator {
namespace {

// Several spaces in a row as one, none at the end.
std::string WithoutExtraSpaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c != ' ' || out.empty() || out.back() != ' ') out.push_back(c);
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

void UseSentencePiece(SentencePieceOptions options, Vocabulary& vocabulary) {
  const std::string mark(kSpaceMark);
  std::vector<Normalizer::Step> normalizers;
  if (options.character_map.has_value()) {
    normalizers.push_back(CharacterMapStep(*std::move(options.character_map)));
  }
  if (options.remove_extra_spaces) normalizers.emplace_back(WithoutExtraSpaces);
  std::vector<PreTokenizer::Step> pre_tokenizers;
  const bool metaspace = options.split_at_marks || (options.add_space_prefix && !options.legacy);
  if (metaspace) {
    const PrependScheme scheme = !options.add_space_prefix ? PrependScheme::kNever
                                 : options.legacy          ? PrependScheme::kAlways
                                                           : PrependScheme::kFirst;
    pre_tokenizers.push_back(MetaspaceStep(mark, scheme, options.split_at_marks));
  } else {
    if (options.add_space_prefix) normalizers.push_back(PrependStep(mark));
    normalizers.push_back(ReplaceStep(" ", mark));
  }
  vocabulary.normalizer = Normalizer(std::move(normalizers));
  vocabulary.pre_tokenizer = PreTokenizer(std::move(pre_tokenizers));

  using Kind = Decoder::Step::Kind;
  std::vector<Decoder::Step> decoders = {{.kind = Kind::kReplace, .from = mark, .to = " "},
                                         {.kind = Kind::kByteFallback},
                                         {.kind = Kind::kFuse}};
  if (options.add_space_prefix) {
    decoders.push_back({.kind = Kind::kStrip, .from = " ", .start = 1});
  }
  vocabulary.decoder = Decoder(std::move(decoders));
}

Status UseTokenTypes(const std::vector<int64_t>& types, Vocabulary& vocabulary) {
  const size_t count = vocabulary.tokens.size();
  vocabulary.control.assign(count, false);
  vocabulary.mergeable.assign(count, false);
  for (size_t id = 0; id < count; ++id) {
    const std::string& text = vocabulary.tokens[id];
    const bool control = types[id] == kControlType || types[id] == kUnknownType;
    vocabulary.control[id] = control;
    vocabulary.mergeable[id] = types[id] == kNormalType || types[id] == kUserDefinedType;
    if (types[id] == kByteType) {
      Decoder::Step bytes{.kind = Decoder::Step::Kind::kByteFallback};
      if (Decoder({bytes}).TextOf(text, false).size() != 1) {
        return DataLossError("the byte token " + Shown(text) + " is not of the form <0xFF>");
      }
      vocabulary.byte_fallback = true;
    }
    if (!control && types[id] != kUserDefinedType) continue;
    AddedToken token;
    token.id = static_cast<TokenId>(id);
    token.text = text;
    token.special = control;
    vocabulary.added.push_back(std::move(token));
  }
  return OkStatus();
}

}  // namespace footnote::generator
