// What the original's verifier accepts, and this one rejects or reports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "assay/probe_attestation.h"
#include "base/dsse.h"
#include "probe/test_support.h"

namespace assay::probe {
namespace {

using test::corpus_of;
using test::level;
using test::Stated;
using test::step;
using testing::HasSubstr;

/// An attestation of the original about the statement's activations, signed by the same key.
Attestation original_of(const Stated& stated) {
  ProbeSet set = stated.set;
  const CompatGeometry geometry = compat_geometry(stated.world.unembedding, 1e-6F).value();
  CompatAttestOptions options;
  options.model_id = "a free text";
  options.timestamp = 1000000;
  const Attestation made = compat_attest(stated.world.activations, set, geometry, options).value();
  return sign(made, stated.key, 1000000).value();
}

TEST(ProbeHoles, Hole1TheFirstTokenStandsForThePrompt) {
  const Stated stated = test::stated();
  EXPECT_EQ(original_of(stated).layer_readings[0].size(), 1U) << "of 120 rows";
  EXPECT_EQ(stated.statement.readings.size(), 120U);
  EXPECT_EQ(stated.statement.row_rule, "all");
  EXPECT_EQ(stated.statement.position_rule, "last");
}

TEST(ProbeHoles, Hole2AnotherProbeUnderTheSameVersion) {
  Stated stated = test::stated();
  EXPECT_EQ(original_of(stated).probe_version, "v0.1.0");
  stated.set.details->probes[0].covector[0] *= 2;
  stated.evidence.set = stated.set;
  EXPECT_EQ(step(stated, Level::kBindings), "probes") << "the covector is bound";
  stated.evidence.set_digest = test::digest_of_text(stated.set.encode());
  EXPECT_EQ(step(stated, Level::kBindings), "probe set") << "and so is the file";
}

TEST(ProbeHoles, Hole3ModelAndPrecisionAreFreeTexts) {
  const Stated stated = test::stated();
  const Attestation original = original_of(stated);
  EXPECT_TRUE(verify_attestation(original, stated.evidence.key).ok());
  EXPECT_EQ(original.model_id, "a free text");
  Stated lied = test::stated();
  lied.statement.model_id = "a free text";
  lied.sign_again();
  EXPECT_EQ(step(lied, Level::kBindings), "model");
  lied.statement.model_id = "test/model";
  lied.statement.precision = Precision::kInt8;
  lied.sign_again();
  EXPECT_EQ(step(lied, Level::kBindings), "precision");
}

TEST(ProbeHoles, Hole4TheCommitmentIsAConstant) {
  const Stated stated = test::stated();
  EXPECT_EQ(to_hex(*original_of(stated).probe_commitment).substr(0, 8), "af5570f5");
  EXPECT_NE(stated.statement.probes[0].reader, test::stated().set.details->unembedding);
  EXPECT_EQ(stated.statement.probes[0].reader, stated.set.details->probes[0].digest());
}

TEST(ProbeHoles, Hole5ASureNoIsFlaggedAsUncovered) {
  Stated stated = test::stated();
  stated.set.probes[0].bias = -100;
  EXPECT_TRUE(original_of(stated).divergence_flag) << "P(1) is near 0";
  const Probe& probe = stated.set.details->probes[0];
  EXPECT_GT(probe.confidence(-100 / probe.platt_scale), 0.99) << "and a no as sure as that is sure";
}

TEST(ProbeHoles, Hole7FieldsOfTheProverAreTakenAsTheyStand) {
  const Stated stated = test::stated();
  Attestation forged = original_of(stated);
  forged.causal_scores = {{0, 0, 1, true}};
  forged.causal_flag = true;
  forged = sign(forged, stated.key, 1000000).value();
  const Verdict verdict = verify_attestation(forged, stated.evidence.key);
  EXPECT_TRUE(verdict.ok()) << "the original's verifier accepts it";
  EXPECT_THAT(verdict.notes(), testing::Contains(HasSubstr("causal_scores are taken as they stand")));
  Stated bound = test::stated();
  bound.evidence.corpus = corpus_of(bound);
  EXPECT_THAT(level(bound.verify(), Level::kStatistics).notes(),
              testing::Contains(HasSubstr("no causal check")));
}

TEST(ProbeHoles, Hole8TheReferenceGeometryIsCompared) {
  Checkpoint checkpoint = Checkpoint::read(test::vectors() / "phi.gotgeo").value();
  Bytes bytes = checkpoint.encode();
  bytes[bytes.size() - 1] ^= 1;
  EXPECT_EQ(Checkpoint::decode(bytes, "f").error().code, ErrorCode::kMismatch);
}

TEST(ProbeHoles, Hole10OldStatementsAreReplayed) {
  const Stated stated = test::stated();
  const Attestation original = original_of(stated);
  EXPECT_TRUE(verify_attestation(original, stated.evidence.key).ok()) << "today, and in ten years";
  Stated replayed = test::stated();
  replayed.evidence.nonce = Digest{77};
  EXPECT_EQ(step(replayed, Level::kSignature), "nonce");
  replayed.statement.nonce.reset();
  replayed.sign_again();
  EXPECT_EQ(step(replayed, Level::kSignature), "nonce");
  // The signature is over a pre-image that names the type: it is none over the payload alone.
  const Envelope envelope = Envelope::decode(stated.envelope, "f").value();
  EXPECT_FALSE(verify_signature(stated.evidence.key, envelope.payload, envelope.signature));
}

TEST(ProbeHoles, Hole11ActivationsComeFromTheProver) {
  // Rows that no model ever had: the statement is consistent, and says what it does not show.
  const Verdict verdict = test::stated().verify();
  EXPECT_TRUE(verdict.ok());
  EXPECT_THAT(verdict.notes(), testing::Contains("activations self-reported"));
  EXPECT_EQ(level(verdict, Level::kActivations).outcome(), Outcome::kInconclusive);
}

}  // namespace
}  // namespace assay::probe
