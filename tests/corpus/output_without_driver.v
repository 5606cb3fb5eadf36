module m(input [3:0] a, input s, output [3:0] inputy, output p);
  assign y = s ? ~a : {a[2:0], a[3]};
  assign p = (a[0] ^ a[1]) | a[3:2] & 2'h1;
endmodule
