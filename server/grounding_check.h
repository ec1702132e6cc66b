// CheckGrounding: which sentences of any text do these facts support, and where?
#pragma once

#include "common/call_context.h"
#include "common/embedder.h"
#include "common/status.h"
#include "footnote/v1/answers.pb.h"

namespace footnote::server {

// Errors: INVALID_ARGUMENT (nothing to check, too much, not UTF-8), those of the embedder.
StatusOr<footnote::v1::CheckGroundingResponse> CheckGrounding(
    const Embedder& embedder, const footnote::v1::CheckGroundingRequest& request,
    const CallContext& call);

}  // namespace footnote::server
