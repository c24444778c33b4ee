# Run as a test by assay_must_not_compile(): SOURCE compiles as it is, and does not with MUST_FAIL defined; then the
# compiler's words hold EXPECT. COMMAND is the compiler with its flags, separated by |.
string(REPLACE "|" ";" command "${COMMAND}")
execute_process(COMMAND ${command} ${SOURCE} RESULT_VARIABLE status ERROR_VARIABLE words)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "without MUST_FAIL it should compile:\n${words}")
endif()
execute_process(COMMAND ${command} -DMUST_FAIL ${SOURCE} RESULT_VARIABLE status ERROR_VARIABLE words)
if(status EQUAL 0)
  message(FATAL_ERROR "with MUST_FAIL it should not compile, but does")
endif()
if(NOT words MATCHES "${EXPECT}")
  message(FATAL_ERROR "it fails to compile for another reason than '${EXPECT}':\n${words}")
endif()
