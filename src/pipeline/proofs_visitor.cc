#include "pipeline/proofs_visitor.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"

namespace assay::pipeline::internal {
namespace {

constexpr std::array kHeadFields = {"commitment_hex", "num_variables", "degree_bound", "proofs"};
constexpr std::string_view kDigestField = "commitment_digest";
constexpr std::array kProofFields = {"point", "evaluation", "proof_hex"};

template <std::size_t N>
std::size_t index_in(const std::array<const char*, N>& names, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
}

Error unknown_field(std::string place, std::string_view name) {
  return {ErrorCode::kMalformed, std::move(place), fmt::format("no field \"{}\" belongs here", name)};
}

Error missing_field(std::string place, std::string_view name) {
  return {ErrorCode::kMalformed, std::move(place), fmt::format("the field \"{}\" is missing", name)};
}

Result<Bytes> hex_of_32(std::string_view text, const std::string& place) {
  Bytes bytes = ASSAY_TRY(from_hex(text, place));
  if (bytes.size() == 32) return bytes;
  return Error{ErrorCode::kMalformed, place, "64 hexadecimal digits are expected here"};
}

Result<std::uint32_t> number_to(std::string_view decimal, std::uint64_t max, const std::string& place) {
  const Result<Scalar> number = Scalar::from_decimal(decimal, place);
  if (!number || number->bit_width() > 63 || number->words[0] == 0 || number->words[0] > max)
    return Error{ErrorCode::kOutOfRange, place, fmt::format("an integer from 1 to {} is expected here", max)};
  return static_cast<std::uint32_t>(number->words[0]);
}

/// The residue of an integer between -r and r.
Result<Fr> residue_of(std::string_view decimal, const std::string& place) {
  if (!decimal.starts_with('-')) return Fr::from_scalar(ASSAY_TRY(Scalar::from_decimal(decimal, place)));
  return -Fr::from_scalar(ASSAY_TRY(Scalar::from_decimal(decimal.substr(1), place)));
}

/// On the grid where every coordinate is below the degree bound: a file without axes can tell no more.
claim::Query query_below(std::vector<Fr> coordinates, std::uint32_t degree_bound) {
  claim::Query query;
  for (const Fr& coordinate : coordinates) {
    const Scalar scalar = coordinate.to_scalar();
    if (scalar.bit_width() > 32 || scalar.words[0] >= degree_bound) return {{}, std::move(coordinates), {}};
    query.grid.push_back(static_cast<std::uint32_t>(scalar.words[0]));
  }
  return query;
}

}  // namespace

// ---- The head

Status ProofsJsonHead::begin_object() {
  if (depth_ == 1) return unexpected("an object");
  ++depth_;
  return {};
}

Status ProofsJsonHead::end_object() {
  --depth_;
  return {};
}

Status ProofsJsonHead::begin_array() {
  if (depth_ == 0 || (depth_ == 1 && field_ != "proofs")) return unexpected("an array");
  ++depth_;
  return {};
}

Status ProofsJsonHead::end_array() {
  if (--depth_ == 1) seen_[index_in(kHeadFields, field_)] = true;
  return {};
}

Status ProofsJsonHead::key(std::string_view name) {
  if (skips()) return {};
  if (name != kDigestField && index_in(kHeadFields, name) == kHeadFields.size())
    return unknown_field({}, name);
  field_ = name;
  return {};
}

Status ProofsJsonHead::string(std::string_view text) {
  if (skips()) return {};
  if (field_ == "commitment_hex") {
    const Bytes bytes = ASSAY_TRY(hex_of_32(text, field_));
    out_.commitment = ASSAY_TRY(curve::decode_g1(bytes, field_));
    seen_[0] = true;
    return {};
  }
  if (field_ != kDigestField) return unexpected("a text");
  const Bytes bytes = ASSAY_TRY(hex_of_32(text, field_));
  std::ranges::copy(bytes, out_.commitment_digest.emplace().begin());
  return {};
}

Status ProofsJsonHead::integer(std::string_view decimal) {
  if (skips()) return {};
  if (field_ == "num_variables") {
    out_.num_variables = ASSAY_TRY(number_to(decimal, Axes::kMaxCount, field_));
  } else if (field_ == "degree_bound") {
    out_.degree_bound = ASSAY_TRY(number_to(decimal, Axes::kMaxSize, field_));
  } else {
    return unexpected("an integer");
  }
  seen_[index_in(kHeadFields, field_)] = true;
  return {};
}

Status ProofsJsonHead::real(double value) { return skips() ? Status{} : JsonVisitor::real(value); }
Status ProofsJsonHead::boolean(bool value) { return skips() ? Status{} : JsonVisitor::boolean(value); }
Status ProofsJsonHead::null() { return skips() ? Status{} : JsonVisitor::null(); }

Result<ProofsJson> ProofsJsonHead::take(std::string_view place) {
  for (std::size_t i = 0; i < seen_.size(); ++i)
    if (!seen_[i]) return missing_field(std::string(place), kHeadFields[i]);
  return std::move(out_);
}

// ---- The list

Error ProofsJsonList::error(ErrorCode code, std::string reason) const {
  return {code, fmt::format("proofs[{}]", proofs_.size()), std::move(reason)};
}

Status ProofsJsonList::begin_object() {
  if (level_ == Level::kOutside) {
    level_ = Level::kRoot;
    return {};
  }
  if (level_ != Level::kList) return unexpected("an object");
  if (proofs_.size() == ProofsJson::kMaxCount)
    return Error{ErrorCode::kTooLarge, "proofs", fmt::format("more than {}", ProofsJson::kMaxCount)};
  level_ = Level::kProof;
  seen_ = {};
  point_.clear();
  evidence_.clear();
  return {};
}

Status ProofsJsonList::end_object() {
  if (level_ != Level::kProof) return {};
  level_ = Level::kList;
  return end_proof();
}

Status ProofsJsonList::end_proof() {
  for (std::size_t i = 0; i < seen_.size(); ++i)
    if (!seen_[i]) return missing_field(fmt::format("proofs[{}]", proofs_.size()), kProofFields[i]);
  if (point_.size() != num_variables_ || evidence_.size() != std::size_t{32} * num_variables_)
    return error(ErrorCode::kMismatch, fmt::format("{} coordinates and {} proof points for {} variables",
                                                   point_.size(), evidence_.size() / 32, num_variables_));
  proofs_.add(query_below(std::move(point_), degree_bound_), {value_, evidence_});
  point_ = {};
  return {};
}

Status ProofsJsonList::begin_array() {
  if (level_ == Level::kRoot && field_ == "proofs") {
    level_ = Level::kList;
  } else if (level_ == Level::kProof && field_ == "point") {
    level_ = Level::kPoint;
  } else if (level_ == Level::kProof && field_ == "proof_hex") {
    level_ = Level::kQuotients;
  } else {
    return unexpected("an array");
  }
  return {};
}

Status ProofsJsonList::end_array() {
  if (level_ == Level::kList) {
    level_ = Level::kRoot;
    return {};
  }
  seen_[level_ == Level::kPoint ? 0 : 2] = true;
  level_ = Level::kProof;
  return {};
}

Status ProofsJsonList::key(std::string_view name) {
  if (level_ == Level::kProof && index_in(kProofFields, name) == kProofFields.size())
    return unknown_field(fmt::format("proofs[{}]", proofs_.size()), name);
  field_ = name;
  return {};
}

Status ProofsJsonList::string(std::string_view text) {
  if (level_ == Level::kRoot) return {};
  if (level_ != Level::kQuotients) return unexpected("a text");
  if (evidence_.size() == std::size_t{32} * num_variables_)
    return error(ErrorCode::kMismatch, fmt::format("more than {} proof points", num_variables_));
  const Bytes point = ASSAY_TRY(
      hex_of_32(text, fmt::format("proofs[{}].proof_hex[{}]", proofs_.size(), evidence_.size() / 32)));
  evidence_.insert(evidence_.end(), point.begin(), point.end());
  return {};
}

Status ProofsJsonList::integer(std::string_view decimal) {
  if (level_ == Level::kRoot) return {};
  if (level_ == Level::kProof && field_ == "evaluation") {
    value_ = ASSAY_TRY(residue_of(decimal, fmt::format("proofs[{}].evaluation", proofs_.size())));
    seen_[1] = true;
    return {};
  }
  if (level_ != Level::kPoint) return unexpected("an integer");
  if (point_.size() == num_variables_)
    return error(ErrorCode::kMismatch, fmt::format("more than {} coordinates", num_variables_));
  point_.push_back(
      ASSAY_TRY(residue_of(decimal, fmt::format("proofs[{}].point[{}]", proofs_.size(), point_.size()))));
  return {};
}

}  // namespace assay::pipeline::internal
