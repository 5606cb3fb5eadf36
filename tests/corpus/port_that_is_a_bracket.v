module t(input a, output  ); wire w = ~a;ynand n1(y, w, a); endmodule // end
