// What a sentence-transformers folder says beside the model: pooling, what is done to the pooled
// vectors, the longest input, prefixes of queries and passages. Private to the generator room.
#pragma once

#include <filesystem>

#include "common/status.h"
#include "generator/blocks/encoder_output.h"

namespace footnote::generator {

// Reads modules.json, its modules' files, sentence_bert_config.json, tokenizer_config.json (where
// the former names no length) and config_sentence_transformers.json. A folder without modules.json
// gives PoolingKind::kUnknown with its reason. width: of the model's states. Errors: DATA_LOSS (not
// JSON, or of the wrong type), INVALID_ARGUMENT (sizes that do not fit), UNIMPLEMENTED (names a
// module, a pooling mode or a setting that is not done).
StatusOr<PoolingSpec> ReadSentenceFolder(const std::filesystem::path& folder, int64_t width);

}  // namespace footnote::generator
