// The special tokens that a chat template names: bos_token, eos_token and their like. Private to
// the generator room.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "generator/tokenizer.h"
#include "generator/weights/weight_source.h"

namespace footnote::generator {

// As TemplateContext::special_tokens: a GGUF's by its ids, a folder's by special_tokens_map.json
// and tokenizer_config.json, as in transformers. Tokens that a model lacks are left out, and so are
// undefined in its template. Errors: DATA_LOSS for a file that cannot be read or an id that is no
// number.
StatusOr<std::vector<std::pair<std::string, std::string>>> SpecialTokensOf(
    const WeightSource& source, const Tokenizer& tokenizer);

}  // namespace footnote::generator
