// What a sentence-transformers folder says beside the model: pooling, normalisation, the longest
// input, prefixes of queries and passages. Private to the generator room.
#pragma once

#include <filesystem>

#include "common/status.h"
#include "generator/blocks/post_norm_encoder.h"

namespace footnote::generator {

// Reads modules.json, the pooling module's config.json, sentence_bert_config.json and
// config_sentence_transformers.json. A folder without modules.json gives PoolingKind::kUnknown with
// its reason. Errors: DATA_LOSS (not JSON, or of the wrong type), UNIMPLEMENTED (names a module, a
// pooling mode or a setting that is not done).
StatusOr<PoolingSpec> ReadSentenceFolder(const std::filesystem::path& folder);

}  // namespace footnote::generator
