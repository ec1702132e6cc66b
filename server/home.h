// Where things are on this machine, and which models are used when none is named.
#pragma once

#include <filesystem>
#include <string>

#include "common/status.h"

namespace footnote::server {

// FOOTNOTE_HOME, default ~/.local/share/footnote; corpora are in its folder `corpora`.
std::filesystem::path HomeDir();
std::filesystem::path CorporaRoot();

// FOOTNOTE_CACHE, default ~/.cache/footnote: models and built dependencies.
std::filesystem::path CacheDir();

// Where an installation keeps its profiles: share/footnote/profiles beside this program's bin.
std::filesystem::path ProfilesDir();

// The models that tools/fetch_models.sh fetches. Errors: NOT_FOUND says what to run.
StatusOr<std::filesystem::path> DefaultGeneratorPath();
StatusOr<std::filesystem::path> DefaultEmbedderPath();

// Hex SHA-256 that identifies a model: of the file, or of all files of a Hugging Face folder that
// decide its results (weights, config, tokenizer, pooling). Digests are kept in the cache by path,
// size and time of change, since hashing gigabytes takes longer than an answer.
StatusOr<std::string> ModelSha256(const std::filesystem::path& model);

}  // namespace footnote::server
