#include "assay/audit_packet.h"
#include "audit/packet_samples_for_test.h"
#include "base/wire.h"
#include "tensor/test_support.h"
#include "weights/test_support.h"

namespace assay::audit {
namespace {

using tensor::Dtype;

std::uint64_t count_of(const Verdict& verdict, std::string_view name) {
  return std::get<std::uint64_t>(verdict.figure(name)->value);
}

Packet numbered(const Product& product, std::uint64_t sequence, std::uint8_t session = 0) {
  Packet packet = product.packet();
  packet.header.sequence = sequence;
  packet.header.session[0] = session;
  return packet;
}

TEST(SampleLedger, AcceptsARunAndCountsIt) {
  const Product product(Dtype::kF32, true, Dtype::kF32);
  SampleLedger ledger(product.known);
  for (const std::uint64_t sequence : {0U, 1U, 2U})
    EXPECT_TRUE(ledger.take(numbered(product, sequence)).ok());
  EXPECT_TRUE(ledger.take(numbered(product, 0, 7)).ok());
  const Verdict verdict = ledger.summary();
  EXPECT_TRUE(verdict.ok());
  EXPECT_EQ(count_of(verdict, "packets"), 4);
  EXPECT_EQ(count_of(verdict, "sessions"), 2);
  EXPECT_EQ(count_of(verdict, "missing"), 0);
  EXPECT_EQ(count_of(verdict, "entries against known weights"), 48);
  ASSERT_EQ(verdict.checks().size(), 1);
  EXPECT_EQ(verdict.checks()[0].grade, Grade::kRecomputed);
  EXPECT_FALSE(verdict.assumptions().empty());
}

TEST(SampleLedger, APacketThatCameBeforeIsRejectedInAnyOrder) {
  const Product product(Dtype::kF32, true, Dtype::kF32);
  SampleLedger ledger(product.known);
  for (const std::uint64_t sequence : {4U, 0U, 2U, 3U, 9U, 1U})
    EXPECT_TRUE(ledger.take(numbered(product, sequence)).ok()) << sequence;
  EXPECT_EQ(count_of(ledger.summary(), "missing"), 4);
  for (const std::uint64_t sequence : {0U, 1U, 2U, 3U, 4U, 9U}) {
    const Verdict again = ledger.take(numbered(product, sequence));
    EXPECT_EQ(again.step(), "sequence") << sequence;
  }
  EXPECT_TRUE(ledger.take(numbered(product, 5)).ok());
  EXPECT_TRUE(ledger.take(numbered(product, 2, 1)).ok());
  const Verdict verdict = ledger.summary();
  EXPECT_EQ(verdict.outcome(), Outcome::kRejected);
  EXPECT_EQ(verdict.step(), "sequence");
  EXPECT_THAT(verdict.reason(), testing::StartsWith("6 of 14 packets, the first: packet 0 of session 00"));
}

TEST(SampleLedger, OneFalsePacketRejectsAll) {
  const Product product(Dtype::kF32, true, Dtype::kF32);
  SampleLedger ledger(product.known);
  EXPECT_TRUE(ledger.take(numbered(product, 0)).ok());
  Packet false_one = numbered(product, 1);
  false_one.payload.back() ^= 0x40;
  EXPECT_EQ(ledger.take(false_one).step(), "product");
  EXPECT_TRUE(ledger.take(numbered(product, 2)).ok());
  EXPECT_EQ(ledger.summary().step(), "product");
}

TEST(SampleLedger, WhatIsNotCheckableIsNotAccepted) {
  Product product(Dtype::kF32, false, Dtype::kF32);
  EXPECT_EQ(SampleLedger({}).summary().reason(), "none came");
  SampleLedger broken({});
  broken.refuse();
  EXPECT_EQ(broken.summary().step(), "packets");
  EXPECT_EQ(broken.summary().reason(), "1 were not whole, or no packets at all");
  SampleLedger unknown({});
  EXPECT_EQ(unknown.take(product.packet()).step(), "weight");
  EXPECT_EQ(unknown.summary().step(), "weight");

  // That others were compared does not make up for it.
  SampleLedger some(product.known);
  EXPECT_TRUE(some.take(product.packet()).ok());
  Packet other = numbered(product, product.header.sequence + 1);
  (*other.header.weight)[0] ^= 1;
  EXPECT_EQ(some.take(other).step(), "weight");
  EXPECT_EQ(some.summary().outcome(), Outcome::kInconclusive);
  EXPECT_EQ(some.summary().reason(), "1 of 2 packets were not checkable");

  SampleLedger bare(product.known);
  EXPECT_EQ(bare.take(BareHeader{0, 4, 4000}).step(), "bare header");
  EXPECT_EQ(bare.summary().outcome(), Outcome::kInconclusive);

  SampleLedger refused(product.known);
  EXPECT_TRUE(refused.take(product.packet()).ok());
  refused.refuse();
  EXPECT_EQ(refused.summary().step(), "packets");
  EXPECT_EQ(refused.summary().outcome(), Outcome::kInconclusive);

  // Products of the sender's own columns alone: nothing was held against what the verifier has.
  product.header.weight.reset();
  SampleLedger carried(product.known);
  EXPECT_TRUE(carried.take(product.packet()).ok());
  EXPECT_EQ(carried.summary().step(), "weight");
  EXPECT_EQ(count_of(carried.summary(), "entries against columns in packets"), 12);
}

TEST(SampleLedger, FollowsSoManySessionsAndGaps) {
  const Product product(Dtype::kF32, true, Dtype::kF32, 1);
  const Packet packet = product.packet();
  const auto taken = [&](SampleLedger& ledger, std::uint64_t sequence, std::uint64_t session) {
    Packet one = packet;
    one.header.sequence = sequence;
    for (std::size_t i = 0; i < 8; ++i) one.header.session[i] = static_cast<std::uint8_t>(session >> 8 * i);
    return ledger.take(one).reason();
  };
  SampleLedger sessions(product.known);
  for (std::uint64_t session = 0; session < SampleLedger::kMaxSessions; ++session)
    ASSERT_EQ(taken(sessions, 0, session), "");
  EXPECT_EQ(taken(sessions, 0, SampleLedger::kMaxSessions), "over 65536 sessions are not followed");
  EXPECT_EQ(taken(sessions, 1, 7), "") << "one that is followed";
  SampleLedger gaps(product.known);
  for (std::uint64_t range = 0; range < SampleLedger::kMaxGaps; ++range)
    ASSERT_EQ(taken(gaps, 3 * range + 1, 0), "");
  EXPECT_EQ(taken(gaps, 3 * SampleLedger::kMaxGaps + 1, 0), "over 65536 gaps are not followed");
  EXPECT_EQ(taken(gaps, 2, 0), "") << "behind a range";
  EXPECT_EQ(taken(gaps, 6, 0), "") << "before one";
  EXPECT_EQ(taken(gaps, 3, 0), "") << "between two";
}

TEST(SampleLedger, NumbersThatASenderChoseDoNotOverflow) {
  const Product product(Dtype::kF32, true, Dtype::kF32);
  SampleLedger ledger(product.known);
  for (const bool other : {false, true}) {
    Packet packet = numbered(product, UINT64_MAX, other ? 1 : 0);
    packet.header.dropped = UINT64_MAX;
    EXPECT_TRUE(ledger.take(packet).ok());
  }
  EXPECT_EQ(count_of(ledger.summary(), "missing"), UINT64_MAX);
  EXPECT_EQ(count_of(ledger.summary(), "dropped by the sender"), UINT64_MAX);
}

TEST(KnownWeights, AreFoundInFilesAndFoldersByTheDigestOfThePage) {
  const weights::ModelFolder model;
  model.whole({{"a", {2, 3}, "F32"}, {"b", {3}}, {"three axes", {1, 2, 3}}, {"f8", {2, 2}, "F8_E5M2"}});
  const std::vector<std::filesystem::path> paths{model.path(), model.path() / "model.safetensors"};
  const KnownWeights known = KnownWeights::open(paths).value();
  EXPECT_EQ(known.size(), 2);
  WireWriter page;
  page.raw("assay/audit/weight/v1").text("F32").u32(2).u64(2).u64(3);
  page.raw(weights::sample_bytes("a", 24));
  ASSERT_NE(known.find(sha256(page.bytes())), nullptr);
  EXPECT_EQ(known.find(sha256(page.bytes()))->name, "a");
  EXPECT_EQ(known.find(Digest{}), nullptr);
  tensor::expect_error(KnownWeights::open(std::vector<std::filesystem::path>{"/nowhere"}), ErrorCode::kIo,
                       "");
}

}  // namespace
}  // namespace assay::audit
