// Messages of footnote.v1 to and from the nouns of common/types.h, which know no protobuf.
//
// Round trips lose nothing but what the messages leave out: the text of an answer's passages, and
// RetrievalResult::exact_scan. Numbers that a message cannot hold (offsets above 4 GiB) do not
// occur: a stored text is smaller. Unknown values of enums, from a newer peer, become the default.
#pragma once

#include "common/types.h"
#include "footnote/v1/answers.pb.h"
#include "footnote/v1/types.pb.h"
#include "retriever/retriever.h"

namespace footnote::server {

namespace v1 = ::footnote::v1;

v1::Risk ToProto(RiskSetting risk);
v1::AbstainReason ToProto(AbstainReason reason);
v1::ConversationTurn ToProto(const ConversationTurn& turn);
// `number` is the passage's place in its list, from 1.
v1::Passage ToProto(const Passage& passage, int number);
v1::Citation ToProto(const Citation& citation);
v1::Sentence ToProto(const AnswerSentence& sentence);
v1::AnswerRecord ToProto(const AnswerRecord& record);
// Passages are numbered from 1 and come without their text.
v1::Answer ToProto(const Answer& answer);
v1::SearchResponse ToProto(const retriever::RetrievalResult& result);

// RISK_UNSPECIFIED means balanced.
RiskSetting FromProto(v1::Risk risk);
AbstainReason FromProto(v1::AbstainReason reason);
ConversationTurn FromProto(const v1::ConversationTurn& turn);
// The number is dropped: a list of passages is numbered by its order.
Passage FromProto(const v1::Passage& passage);
Citation FromProto(const v1::Citation& citation);
AnswerSentence FromProto(const v1::Sentence& sentence);
AnswerRecord FromProto(const v1::AnswerRecord& record);
Answer FromProto(const v1::Answer& answer);
retriever::RetrievalResult FromProto(const v1::SearchResponse& response);

}  // namespace footnote::server
