#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "assay/audit_log.h"
#include "assay/merkle.h"
#include "tensor/load.h"

namespace assay::audit {
namespace {

using testing::HasSubstr;

std::array<std::uint8_t, RowHeader::kBytes> bytes_of(const RowHeader& header) {
  std::array<std::uint8_t, RowHeader::kBytes> bytes;
  header.write(bytes);
  return bytes;
}

Step sample_step() {
  Step step;
  step.index = 0;
  step.request.fill(1);
  step.nonce.fill(2);
  step.wires.fill(3);
  step.last_position = 6;
  step.token = 99;
  step.drops = 2;
  step.rows = {7, 7, 1, 7, 1};
  step.root.fill(4);
  return step;
}

Head sample_head() {
  Head head;
  head.run.fill(1);
  head.request.fill(2);
  head.nonce.fill(3);
  head.manifest.fill(4);
  head.engine = "torch, one CPU";
  head.wires = {{{0, Role::kResidual}, RowDtype::kBF16, 128},
                {{0, Role::kQ}, RowDtype::kBF16, 64},
                {{Wire::kNoBlock, Role::kLogits}, RowDtype::kF32, 400}};
  head.steps = 3;
  head.rows = 30;
  head.drops = 1;
  head.root.fill(5);
  return head;
}

template <class Type>
void refuse_all_cuts(const Bytes& bytes) {
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(Type::decode(ByteSpan(bytes).first(size), "cut").ok()) << size;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(Type::decode(longer, "longer").error().code, ErrorCode::kMalformed);
}

TEST(RowHeader, IsThirtyTwoBytes) {
  const RowHeader header{{3, Role::kGate}, RowDtype::kBF16, 258, 64};
  const auto bytes = bytes_of(header);
  EXPECT_EQ(to_hex(bytes),
            "6175646974726f77"
            "03000000"
            "0a"
            "01"
            "0000"
            "0201000000000000"
            "4000000000000000");
  EXPECT_EQ(RowHeader::read(bytes, "test").value(), header);
  const RowHeader dropped{{Wire::kNoBlock, Role::kLogits}, RowDtype::kDropped, 5, 0};
  EXPECT_EQ(RowHeader::read(bytes_of(dropped), "test").value(), dropped);
}

TEST(RowHeader, RefusesWhatIsNoHeader) {
  const RowHeader header{{3, Role::kGate}, RowDtype::kBF16, 258, 64};
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    auto bytes = bytes_of(header);
    bytes[at] = value;
    return RowHeader::read(bytes, "test").error();
  };
  EXPECT_EQ(changed(0, 'A').code, ErrorCode::kMalformed);
  EXPECT_EQ(changed(12, 0).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(changed(12, 17).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(changed(12, 16).code, ErrorCode::kOutOfRange) << "logits belong to no block";
  EXPECT_EQ(changed(13, 5).code, ErrorCode::kOutOfRange);
  EXPECT_EQ(changed(13, 0).code, ErrorCode::kMalformed) << "a dropped row has no bytes";
  EXPECT_EQ(changed(14, 1).code, ErrorCode::kNonCanonical);
  EXPECT_EQ(changed(15, 1).code, ErrorCode::kNonCanonical);
  EXPECT_EQ(changed(20, 1).code, ErrorCode::kTooLarge) << "position";
  EXPECT_EQ(changed(24, 65).code, ErrorCode::kMalformed) << "half a value";
  EXPECT_EQ(changed(24, 0).code, ErrorCode::kMalformed) << "a row without values";
  EXPECT_EQ(changed(28, 1).code, ErrorCode::kTooLarge);
  const auto reads = [](std::uint64_t position, std::uint32_t bytes) {
    return RowHeader::read(bytes_of({{3, Role::kGate}, RowDtype::kBF16, position, bytes}), "test").ok();
  };
  EXPECT_TRUE(reads(kMaxPositions - 1, kMaxRowBytes));
  EXPECT_FALSE(reads(kMaxPositions, kMaxRowBytes));
  EXPECT_FALSE(reads(kMaxPositions - 1, kMaxRowBytes + 2));
}

TEST(RowDtype, HasANameWhereAWireMayHaveIt) {
  for (const RowDtype dtype : {RowDtype::kBF16, RowDtype::kF16, RowDtype::kF32, RowDtype::kF64})
    EXPECT_EQ(row_dtype_of(to_string(dtype)), dtype);
  EXPECT_EQ(row_dtype_of("dropped"), std::nullopt);
  EXPECT_EQ(row_dtype_of("float8"), std::nullopt);
}

TEST(Step, FindsTheLeafOfARow) {
  const Step step = sample_step();
  EXPECT_EQ(step.row_count(), 23U);
  EXPECT_EQ(step.leaf_of(0, 0), 0U);
  EXPECT_EQ(step.leaf_of(0, 6), 6U);
  EXPECT_EQ(step.leaf_of(1, 2), 9U);
  EXPECT_EQ(step.leaf_of(2, 6), 14U);
  EXPECT_EQ(step.leaf_of(2, 5), std::nullopt);
  EXPECT_EQ(step.leaf_of(4, 6), 22U);
  EXPECT_EQ(step.leaf_of(4, 7), std::nullopt);
}

TEST(Step, ReadsBackWhatItWrites) {
  const Bytes bytes = sample_step().encode();
  EXPECT_EQ(bytes.size(), 8U + 8 + 3 * 32 + 8 + 4 + 8 + 4 + 4 * 8 + 32) << "equal counts stand once";
  EXPECT_EQ(Step::decode(bytes, "test").value(), sample_step());
  refuse_all_cuts<Step>(bytes);
}

TEST(Step, RefusesWhatIsNotCanonical) {
  constexpr std::size_t kRuns = 8 + 8 + 96 + 8 + 4 + 8;
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = sample_step().encode();
    bytes[at] = value;
    return Step::decode(bytes, "test").error();
  };
  EXPECT_EQ(changed(0, 'b').code, ErrorCode::kMalformed);
  EXPECT_EQ(changed(15, 1).code, ErrorCode::kTooLarge) << "index";
  EXPECT_EQ(changed(8 + 8 + 96 + 7, 1).code, ErrorCode::kTooLarge) << "position";
  EXPECT_EQ(changed(kRuns + 4, 0).code, ErrorCode::kOutOfRange) << "a wire without rows";
  EXPECT_EQ(changed(kRuns + 4, 8).code, ErrorCode::kOutOfRange) << "more rows than positions";
  EXPECT_EQ(changed(kRuns + 4, 1).code, ErrorCode::kNonCanonical) << "two runs of the same count";
  EXPECT_EQ(changed(kRuns + 8, 0).code, ErrorCode::kNonCanonical) << "a run of no wires";
  EXPECT_EQ(changed(kRuns + 11, 1).code, ErrorCode::kTooLarge) << "wires";
  EXPECT_EQ(changed(kRuns - 8, 24).code, ErrorCode::kOutOfRange) << "more drops than rows";
  EXPECT_EQ(changed(kRuns + 3, 1).code, ErrorCode::kTooLarge) << "runs";
}

TEST(Step, IsTakenAtItsLimitsAndNoFurther) {
  Step most = sample_step();
  most.index = kMaxSteps - 1;
  most.last_position = kMaxPositions - 1;
  most.rows.assign(kMaxWires, kMaxStepRows / kMaxWires);
  most.drops = kMaxStepRows;
  EXPECT_EQ(Step::decode(most.encode(), "test").value(), most);
  const auto refused = [&](const auto& change) {
    Step step = most;
    change(step);
    return Step::decode(step.encode(), "test").error().to_string();
  };
  EXPECT_THAT(refused([](Step& s) { ++s.index; }), HasSubstr("beyond the longest run"));
  EXPECT_THAT(refused([](Step& s) { ++s.last_position; }), HasSubstr("beyond the longest run"));
  EXPECT_THAT(refused([](Step& s) { ++s.rows.back(); }), HasSubstr("more than 67108864 rows"));
  EXPECT_THAT(refused([](Step& s) { s.rows.push_back(1); }), HasSubstr("more than 65536"));
  EXPECT_THAT(refused([](Step& s) { ++s.drops; }), HasSubstr("more than there are rows"));
}

TEST(Head, ReadsBackWhatItWrites) {
  const Bytes bytes = sample_head().encode();
  EXPECT_EQ(Head::decode(bytes, "test").value(), sample_head());
  EXPECT_EQ(sample_head().digest(), sha256(bytes));
  refuse_all_cuts<Head>(bytes);
}

TEST(Head, RefusesWhatIsNotCanonical) {
  const auto refused = [](const auto& change) {
    Head head = sample_head();
    change(head);
    return Head::decode(head.encode(), "test").error().code;
  };
  EXPECT_EQ(refused([](Head& h) { std::swap(h.wires[0], h.wires[1]); }), ErrorCode::kNonCanonical);
  EXPECT_EQ(refused([](Head& h) { h.wires[1] = h.wires[0]; }), ErrorCode::kNonCanonical);
  EXPECT_EQ(refused([](Head& h) { h.wires[0].row_bytes = 0; }), ErrorCode::kMalformed);
  EXPECT_EQ(refused([](Head& h) { h.wires[0].row_bytes = 3; }), ErrorCode::kMalformed);
  EXPECT_EQ(refused([](Head& h) { h.wires[0].row_bytes = kMaxRowBytes + 2; }), ErrorCode::kTooLarge);
  EXPECT_EQ(refused([](Head& h) { h.wires[0].dtype = RowDtype::kDropped; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(refused([](Head& h) { h.wires[2].wire.block = 4; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(refused([](Head& h) { h.engine = "two\nlines"; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(refused([](Head& h) { h.engine = "\xff"; }), ErrorCode::kMalformed);
  EXPECT_EQ(refused([](Head& h) { h.steps = kMaxSteps + 1; }), ErrorCode::kTooLarge);
  EXPECT_EQ(refused([](Head& h) { h.drops = h.rows + 1; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(refused([](Head& h) { h.engine = "\x7f"; }), ErrorCode::kOutOfRange);
  EXPECT_EQ(refused([](Head& h) { h.rows = kMaxSteps * kMaxStepRows + 1; }), ErrorCode::kOutOfRange);
  Head most = sample_head();
  most.wires[0].row_bytes = kMaxRowBytes;
  most.steps = kMaxSteps;
  most.rows = most.drops = kMaxSteps * kMaxStepRows;
  EXPECT_EQ(Head::decode(most.encode(), "test").value(), most);
  Bytes bytes = sample_head().encode();
  bytes[std::string_view("assay/audit/head/v").size()] = '2';
  EXPECT_EQ(Head::decode(bytes, "test").error().code, ErrorCode::kUnsupported);
}

TEST(Wires, HaveADigestOfTheirOwn) {
  std::vector<WireEntry> wires = sample_head().wires;
  const Digest digest = wires_digest(wires);
  wires[1].row_bytes = 62;
  EXPECT_NE(wires_digest(wires), digest);
  EXPECT_EQ(find_wire(wires, {0, Role::kQ}), 1U);
  EXPECT_EQ(find_wire(wires, {0, Role::kK}), std::nullopt);
}

TEST(Request, ReadsBackTheOneTextOfARequest) {
  Request request;
  request.nonce.fill(0xab);
  request.prompt_token_ids = {1, 2, 3};
  request.output_token_ids = {7};
  const std::string text = request.encode();
  EXPECT_THAT(text, HasSubstr(R"({"format":"assay/audit/request/v1","nonce":"abab)"));
  EXPECT_EQ(Request::decode(text, "test").value(), request);
  EXPECT_EQ(Request::decode(text + " ", "test").error().code, ErrorCode::kNonCanonical);
  EXPECT_EQ(Request::decode(text.substr(0, 40), "test").error().code, ErrorCode::kMalformed);
  Request empty = request;
  empty.output_token_ids.clear();
  EXPECT_EQ(Request::decode(empty.encode(), "test").error().code, ErrorCode::kOutOfRange);
  empty = request;
  empty.prompt_token_ids.clear();
  EXPECT_EQ(Request::decode(empty.encode(), "test").error().code, ErrorCode::kOutOfRange);
}

TEST(Request, HasADigestOfWhatWasAsked) {
  Request request;
  request.prompt_token_ids = {1, 2, 3};
  const Digest digest = request.digest();
  request.output_token_ids = {9};
  EXPECT_EQ(request.digest(), digest) << "answers are not asked for";
  request.sampling = "temperature 0.7";
  EXPECT_NE(request.digest(), digest);
  request.sampling = "greedy";
  request.prompt_token_ids = {1, 2};
  EXPECT_NE(request.digest(), digest);
}

}  // namespace
}  // namespace assay::audit
