// Messages of footnote.v1 as JSON and as parameters of a target, by their descriptors.
//
// The mapping is protobuf's own: fields carry the names of the .proto files (on input camelCase
// too), 64-bit integers are strings, enums are names; output holds every field that is not a
// message, also when it has its default.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote::server {

// Errors: INVALID_ARGUMENT, which names the field, when the text is not JSON or does not fit.
Status FromJson(std::string_view json, google::protobuf::Message& message);

// One line.
StatusOr<std::string> ToJson(const google::protobuf::Message& message);

// Sets the field `name` from a parameter's text; appends when the field is repeated.
// Errors: INVALID_ARGUMENT, which names the parameter, when there is no such field, or the text is
// not of its type.
Status SetField(std::string_view name, std::string_view text, google::protobuf::Message& message);

}  // namespace footnote::server
