#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "assay/toploc_files.h"
#include "base/file.h"
#include "base/try.h"
#include "base/utf8.h"
#include "base/within.h"
#include "toploc/parameters_json.h"

namespace assay::toploc {
namespace {

constexpr std::string_view kSignatureFormat = "assay/toploc/signature/v";
constexpr std::uint32_t kSignatureVersion = 2;

Status validate_tokens(const char* field, const std::vector<std::uint32_t>& ids) {
  if (ids.empty() || ids.size() > Signature::kMaxTokens)
    return Error{ErrorCode::kOutOfRange, field,
                 fmt::format("{} token ids, not 1 to {}", ids.size(), Signature::kMaxTokens)};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] > Signature::kMaxToken)
      return Error{ErrorCode::kOutOfRange, fmt::format("{}[{}]", field, i),
                   fmt::format("{} is over {}", ids[i], Signature::kMaxToken)};
  }
  return {};
}

Status validate(const Signature& s) {
  for (const auto& [field, text, most] : {std::tuple("model", &s.model, Signature::kMaxText),
                                          {"dtype", &s.dtype, Signature::kMaxText},
                                          {"attention", &s.attention, Signature::kMaxText},
                                          {"prompt", &s.prompt, Signature::kMaxBytes}}) {
    if (text->size() > most)
      return Error{ErrorCode::kTooLarge, field,
                   fmt::format("{} bytes, at most {} are taken", text->size(), most)};
    if (!is_valid_utf8(*text)) return Error{ErrorCode::kOutOfRange, field, "it is not UTF-8"};
  }
  ASSAY_TRY(validate_tokens("prompt_token_ids", s.prompt_token_ids));
  ASSAY_TRY(validate_tokens("output_token_ids", s.output_token_ids));
  ASSAY_TRY(s.parameters.validate());
  if (s.proofs.size() > Signature::kMaxProofs)
    return Error{ErrorCode::kTooLarge, "proofs",
                 fmt::format("{} of them, at most {} are taken", s.proofs.size(), Signature::kMaxProofs)};
  for (std::size_t i = 0; i < s.proofs.size(); ++i) {
    if (s.proofs[i].size() > proof_size(kMaxTopK))
      return Error{ErrorCode::kTooLarge, fmt::format("proofs[{}]", i),
                   fmt::format("{} bytes, at most {} are taken", s.proofs[i].size(), proof_size(kMaxTopK))};
  }
  return {};
}

void put(const Signature& s, internal::FlatJsonWriter& writer) {
  writer.format(kSignatureFormat, kSignatureVersion);
  writer.text("model", s.model);
  writer.text("dtype", s.dtype);
  writer.text("attention", s.attention);
  writer.text("prompt", s.prompt);
  writer.integers("prompt_token_ids", s.prompt_token_ids);
  writer.integers("output_token_ids", s.output_token_ids);
  internal::put_parameters(writer, s.parameters);
  writer.bytes("proofs", s.proofs);
  writer.finish();
}

constexpr auto kSignatureLayout = internal::FlatJsonWriter::Layout::kOneLine;

}  // namespace

Result<std::string> Signature::encode() const {
  ASSAY_TRY(validate(*this));
  internal::FlatJsonWriter writer(kSignatureLayout);
  put(*this, writer);
  std::string text = writer.take();
  if (text.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, "",
                 fmt::format("the signature has {} bytes, at most {} are read", text.size(), kMaxBytes)};
  return text;
}

Result<Signature> Signature::decode(std::string_view text, std::string_view place) {
  if (text.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", text.size(), kMaxBytes)};
  Signature signature;
  internal::ParametersReader parameters;
  std::vector<internal::Field> fields = {
      {"model", internal::TextPlace{&signature.model, kMaxText}},
      {"dtype", internal::TextPlace{&signature.dtype, kMaxText}},
      {"attention", internal::TextPlace{&signature.attention, kMaxText}},
      {"prompt", internal::TextPlace{&signature.prompt, kMaxBytes}},
      {"prompt_token_ids", internal::IntegersPlace{&signature.prompt_token_ids, kMaxTokens, kMaxToken}},
      {"output_token_ids", internal::IntegersPlace{&signature.output_token_ids, kMaxTokens, kMaxToken}},
      {"proofs", internal::BytesPlace{&signature.proofs, kMaxProofs, proof_size(kMaxTopK)}}};
  parameters.add_to(fields);
  ASSAY_TRY(internal::read_flat_json(text, place, kSignatureFormat, kSignatureVersion, fields));
  signature.parameters = ASSAY_TRY(parameters.take(place));
  const Status valid = validate(signature);
  if (!valid.ok()) return within(place, valid.error());
  internal::FlatJsonWriter canonical(kSignatureLayout, text);
  put(signature, canonical);
  if (!canonical.same())
    return Error{ErrorCode::kNonCanonical, std::string(place),
                 "it is laid out otherwise than this program writes it"};
  return signature;
}

Result<Signature> Signature::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Status Signature::write(const std::filesystem::path& path) const {
  return write_file(path, ASSAY_TRY(encode()));
}

}  // namespace assay::toploc
